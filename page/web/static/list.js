// New sounds and rejections appear in the list as they are written, and leave it as they are removed.

import { subscribe } from "./events.js";
import { refresh } from "./navigation.js";
import { announce, localTimes } from "./player.js";

const shown = new Map(); // what was put into the list, by uid
let list;

function remove(uid) {
  shown.delete(uid);
  const row = [...list.children].find((child) => child.dataset.uid === uid);
  if (!row || row.classList.contains("current")) return; // what plays is heard to its end
  announce(`Removed: ${row.querySelector(".name").textContent.trim()}`);
  row.remove();
  count(-1);
}

function receive(event) {
  if (event.kind === "removed") {
    remove(event.uid);
    return;
  }
  if (event.kind !== list.dataset.kind || shown.get(event.uid) === event.html) return;
  shown.set(event.uid, event.html);
  const row = new DOMParser().parseFromString(event.html, "text/html").body.firstElementChild;
  localTimes(row);
  const old = [...list.children].find((child) => child.dataset.uid === event.uid);
  if (old) {
    const isPicked = old.querySelector(".pick")?.checked ?? false;
    if (isPicked) row.querySelector(".pick").checked = true;
    if (!old.classList.contains("current")) old.replaceWith(row);
    return;
  }
  const older = [...list.children].find((child) => Date.parse(child.dataset.time) <= Date.parse(row.dataset.time));
  if (!older && document.querySelector(".paging .next")) return; // it belongs on a later page
  row.classList.add("new");
  list.insertBefore(row, older ?? null);
  count(1);
  document.getElementById("empty")?.remove();
  announce(`New: ${row.querySelector(".name").textContent.trim()}`);
}

// The number of all that are listed; what arrives while one looks adds to it.
function count(by) {
  const shown = document.getElementById("count");
  const number = Number(shown.textContent.replace(/\D/g, "")) + by;
  shown.textContent = String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const noun = list.dataset.kind.slice(0, -1);
  shown.nextElementSibling.textContent = number === 1 ? noun : `${noun}s`;
}

// Called by navigation.js whenever a list is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  list = document.getElementById("list");
  shown.clear();
  document.getElementById("sort").addEventListener("change", (event) => event.target.form.requestSubmit());
  const filling = main.querySelector("[data-filling] .number");
  if (filling) watchFilling(filling, signal);
  if (list.dataset.since) subscribe(receive, list.dataset.since, signal);
}

// While the collection is read for the first time the page looks how far it is, and shows all of it when it is there.
function watchFilling(filling, signal) {
  const look = setInterval(async () => {
    const progress = await fetch("/catalog.json", { signal }).then((answer) => answer.json(), () => null);
    if (!progress || signal.aborted) return;
    filling.textContent = `${progress.count} of ${progress.total}`;
    if (!progress.is_filled) return;
    clearInterval(look);
    refresh();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(look));
}
