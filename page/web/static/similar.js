// A file that is dropped or chosen is sent to be analysed, and the sounds like it take the place of those before.

import { announce, localTimes, show } from "./player.js";
import { NO_ANSWER, visible } from "./texts.js";

// Called by navigation.js whenever the page is shown; ``signal`` is aborted when another takes its place.
export function start(main, signal) {
  const form = main.querySelector("#similar");
  const input = main.querySelector("#similar-file");
  let asked = null; // ends the request for the file before

  async function find(file) {
    asked?.abort();
    asked = new AbortController();
    const ends = AbortSignal.any([signal, asked.signal]);
    const result = main.querySelector("#similar-result");
    result.removeAttribute("aria-busy");
    if (file.size > Number(form.dataset.maxBytes)) {
      tell(result, `${visible(file.name)} is too large`, `At most ${form.dataset.maxBytes} bytes are analysed here.`);
      return;
    }
    tell(result, `Analysing ${visible(file.name)} …`);
    result.setAttribute("aria-busy", "true");
    const body = new FormData();
    body.append("file", file);
    try {
      const answer = await fetch(form.action, { method: "POST", body, signal: ends, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById("similar-result");
      if (found) result.replaceChildren(...found.childNodes);
      else tell(result, "The file was refused", page.body.textContent.trim());
    } catch {
      if (ends.aborted) return;
      tell(result, NO_ANSWER);
    }
    result.removeAttribute("aria-busy");
    localTimes(result);
    show();
    const heading = result.querySelector("h2");
    heading?.focus({ preventScroll: true });
    if (heading) announce(heading.textContent);
  }

  input.addEventListener("change", () => {
    if (input.files.length) find(input.files[0]);
    input.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  }, { signal });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  }, { signal });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    if (event.dataTransfer.files.length) find(event.dataTransfer.files[0]);
  }, { signal });
  signal.addEventListener("abort", () => document.body.classList.remove("dragging"));
  form.dataset.takesDrops = ""; // from now on, which the tests in the browser wait for
}

function tell(result, title, advice = "") {
  const heading = document.createElement("h2");
  heading.tabIndex = -1;
  heading.textContent = title;
  const line = document.createElement("p");
  line.textContent = advice;
  result.replaceChildren(heading, line);
}
