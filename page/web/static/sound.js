// The page of one sound: its parts are loaded after the page.

import { localTimes } from "./player.js";
import { NO_ANSWER, RETRY_MS } from "./texts.js";
import { start as startTimeline } from "./timeline.js";

async function fill(part) {
  let html;
  try {
    html = await (await fetch(part.dataset.part, { headers: { Accept: "text/html" } })).text();
  } catch {
    html = `<p class="empty">${NO_ANSWER}</p>`;
    setTimeout(() => part.isConnected && fill(part), RETRY_MS);
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
  main.querySelectorAll("[data-part]").forEach(fill);
}
