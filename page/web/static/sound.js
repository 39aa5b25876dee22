// The page of one sound: its pictures are loaded after the page, and a click into them plays from there.

import { localTimes } from "./player.js";
import { start as startTimeline } from "./timeline.js";

async function fill(part) {
  let html;
  try {
    html = await (await fetch(part.dataset.part, { headers: { Accept: "text/html" } })).text();
  } catch {
    html = "<p class='empty'>The page does not answer: is it still running?</p>";
  }
  part.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  part.removeAttribute("aria-busy");
  localTimes(part);
  part.querySelector("[data-more]")?.addEventListener("click", (event) => {
    part.dataset.part = event.target.dataset.more;
    event.target.disabled = true;
    fill(part);
  });
}

function draw(spectrogram, signal) {
  const picture = new Image();
  picture.alt = "Spectrogram: time from left to right, pitch from low at the bottom to high at the top, bright is loud";
  const pitches = spectrogram.querySelector(".pitches");
  signal.addEventListener("abort", () => picture.removeAttribute("src"));
  picture.addEventListener("load", () => {
    spectrogram.replaceChildren(picture, pitches);
    pitches.hidden = false;
  });
  picture.addEventListener("error", async () => {
    const line = document.createElement("p");
    line.className = "loading";
    line.textContent = "no spectrogram";
    spectrogram.replaceChildren(line);
    const answer = await fetch(spectrogram.dataset.src, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer || answer.ok) return;
    const problem = await answer.json();
    line.textContent = `${problem.title}. ${problem.advice}`;
  });
  picture.src = spectrogram.dataset.src;
}

// Called by navigation.js whenever the page of a sound is shown; ``signal`` is aborted when another takes its place.
export function start(main, signal) {
  document.getElementById("copy").addEventListener("click", async () => {
    const copied = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(document.getElementById("json").textContent);
      copied.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(document.getElementById("json"));
      copied.textContent = "Selected: press Ctrl-C.";
    }
  });
  startTimeline(main.querySelector(".one"), signal);
  draw(main.querySelector("#spectrogram"), signal);
  main.querySelectorAll("[data-part]").forEach(fill);
}
