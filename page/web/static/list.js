// New sounds and rejections appear in the list as they are written, and leave it as they are removed. A tab that is hidden does not listen.

import { refresh } from "./navigation.js";
import { announce, localTimes } from "./player.js";

const received = new Map(); // events by uid
const waiting = new Map(); // what to call with the event of a uid
let list;
let source = null;
let lastId;

// Return the event of an upload: as a sound or as a rejection, once there is one.
export function outcome(uid) {
  if (received.has(uid)) return Promise.resolve(received.get(uid));
  return new Promise((resolve) => waiting.set(uid, resolve));
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource(`/events?since=${encodeURIComponent(lastId)}`);
  source.addEventListener("message", (event) => {
    lastId = event.lastEventId || lastId;
    receive(JSON.parse(event.data));
  });
}

function remove(uid) {
  received.delete(uid);
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
  received.set(event.uid, event);
  waiting.get(event.uid)?.(event);
  waiting.delete(event.uid);
  if (event.kind !== list.dataset.kind) return;
  const row = new DOMParser().parseFromString(event.html, "text/html").body.firstElementChild;
  localTimes(row);
  const old = [...list.children].find((child) => child.dataset.uid === event.uid);
  if (old) {
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
  lastId = list.dataset.since;
  document.getElementById("sort").addEventListener("change", (event) => event.target.form.requestSubmit());
  const filling = main.querySelector("[data-filling] .number");
  if (filling) watchFilling(filling, signal);
  if (!lastId) return;
  listen();
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : listen()), { signal });
  signal.addEventListener("abort", close);
}

function close() {
  source?.close();
  source = null;
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
