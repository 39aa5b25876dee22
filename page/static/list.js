// New sounds and rejections appear in the list as they are written; the page listens only while it is seen.

import { localTimes, say } from "/static/deck.js";

const list = document.getElementById("list");
const heard = new Map();
const waiting = new Map();
let source = null;
let lastId = list.dataset.since;

// What became of an upload, once it is known.
export function outcome(uid) {
  if (heard.has(uid)) return Promise.resolve(heard.get(uid));
  return new Promise((resolve) => waiting.set(uid, resolve));
}

function listen() {
  if (source || document.hidden) return;
  source = new EventSource(`/events?since=${encodeURIComponent(lastId)}`);
  source.addEventListener("message", (event) => {
    lastId = event.lastEventId || lastId;
    hear(JSON.parse(event.data));
  });
}

function hear(told) {
  heard.set(told.uid, told);
  waiting.get(told.uid)?.(told);
  waiting.delete(told.uid);
  if (told.kind !== list.dataset.kind) return;
  const row = new DOMParser().parseFromString(told.html, "text/html").body.firstElementChild;
  localTimes(row);
  const old = [...list.children].find((child) => child.dataset.uid === told.uid);
  if (old) {
    if (!old.classList.contains("current")) old.replaceWith(row);
    return;
  }
  const older = [...list.children].find((child) => Date.parse(child.dataset.time) <= Date.parse(row.dataset.time));
  if (!older && document.querySelector(".paging .next")) return; // it is on a later page
  row.classList.add("new");
  list.insertBefore(row, older ?? null);
  document.getElementById("empty")?.remove();
  say(`New: ${row.querySelector(".name").textContent.trim()}`);
}

if (list.dataset.since) {
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else listen();
  });
}
