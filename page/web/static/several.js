// Rows that are selected in the list, or all that a search finds, are taken along: as ZIP, CSV, names or a command.

import { announce } from "./player.js";
import { NO_ANSWER, spaced } from "./texts.js";

// Called by navigation.js whenever a list is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  const form = main.querySelector("#several");
  if (!form) return;
  const list = main.querySelector("#list");
  const these = form.querySelector("#pick-these");
  const all = form.querySelector("#pick-all");
  const told = form.querySelector("#several-told");
  const text = form.querySelector("#several-text");
  let last = null; // the row that was selected last: with Shift all up to it are

  const picks = () => [...list.querySelectorAll(".pick")];

  function show() {
    const picked = picks().filter((pick) => pick.checked).length;
    const total = Number(all.dataset.count);
    const count = all.checked ? total : picked;
    form.hidden = !picks().length;
    all.closest("label").hidden = total <= picks().length;
    all.nextElementSibling.textContent = spaced(total);
    form.querySelector("#several-actions").hidden = !count;
    form.querySelector("#several-count").textContent = count === 1 ? "1 selected" : `${count} selected`;
    const box = these.querySelector("input");
    box.checked = picked > 0 && picked === picks().length;
    box.indeterminate = picked > 0 && !box.checked;
    if (!count) told.textContent = "";
    text.hidden = true;
  }

  async function copy(button) {
    const what = button.dataset.copy;
    const body = new URLSearchParams(new FormData(form));
    const sent = fetch(button.formAction, { method: "POST", body, signal }).catch(() => {
      throw new Error(NO_ANSWER);
    });
    const asked = sent.then(async (answer) => {
      if (answer.ok) return answer.text();
      const problem = await answer.json();
      throw new Error(`${problem.title}. ${problem.advice}`);
    });
    try {
      // The text comes later than the press, which browsers allow in this form alone.
      const item = asked.then((copied) => new Blob([copied], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": item })]);
      tell(`Copied: ${what}.`);
    } catch {
      try {
        text.value = await asked;
      } catch (error) {
        return tell(error.message);
      }
      text.hidden = false;
      text.select();
      tell("Selected: press Ctrl-C.");
    }
  }

  function tell(line) {
    told.textContent = line;
  }

  list.addEventListener("click", (event) => {
    const pick = event.target.closest(".pick");
    if (!pick) return;
    const [at, from] = [picks().indexOf(pick), picks().indexOf(last)];
    if (event.shiftKey && from >= 0) {
      for (const other of picks().slice(Math.min(at, from), Math.max(at, from) + 1)) other.checked = pick.checked;
    }
    last = pick;
    all.checked = false;
    show();
  });
  these.hidden = false;
  these.addEventListener("change", (event) => {
    for (const pick of picks()) pick.checked = event.target.checked;
    all.checked = false;
    show();
  });
  all.addEventListener("change", () => {
    for (const pick of picks()) pick.checked = all.checked;
    show();
  });
  for (const button of form.querySelectorAll("[data-copy]")) button.textContent = `Copy ${button.dataset.copy}`;
  form.addEventListener("submit", (event) => {
    if (event.submitter?.dataset.copy) {
      event.preventDefault();
      copy(event.submitter);
    } else announce("The download begins");
  });
  const rows = new MutationObserver(show); // rows come and go while one looks
  rows.observe(list, { childList: true });
  rows.observe(all, { attributeFilter: ["data-count"] });
  signal.addEventListener("abort", () => rows.disconnect());
  show();
}
