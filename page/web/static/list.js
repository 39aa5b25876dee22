// New sounds and rejections appear in the list as they are written, and leave it as they are removed.

import { subscribe } from "./events.js";
import { Missed } from "./missed.js";
import { refresh } from "./navigation.js";
import { announce, localTimes, show as showPlaying } from "./player.js";
import { spaced } from "./texts.js";

const shown = new Map(); // what was put into the list, by uid
let list;
let missed;

function rowOf(uid) {
  return [...list.children].find((child) => child.dataset.uid === uid);
}

function remove(uid) {
  shown.delete(uid);
  const row = rowOf(uid);
  if (!row || row.classList.contains("current")) return; // what plays is heard to its end
  announce(`Removed: ${row.querySelector(".name").textContent.trim()}`);
  row.remove();
  missed.came.delete(uid);
  count(countNow() - 1);
}

function receive(event) {
  if (missed.takes(event) || !("live" in list.dataset)) return;
  if (event.kind === "removed") {
    remove(event.uid);
    return;
  }
  if (event.kind !== list.dataset.kind || shown.get(event.uid) === event.html) return;
  shown.set(event.uid, event.html);
  const row = new DOMParser().parseFromString(event.html, "text/html").body.firstElementChild;
  localTimes(row);
  const old = rowOf(event.uid);
  if (old) {
    replace(old, row);
    return;
  }
  const older = [...list.children].find((child) => Date.parse(child.dataset.time) <= Date.parse(row.dataset.time));
  if (!older && document.querySelector(".paging .next")) return; // it belongs on a later page
  row.classList.add("new");
  list.insertBefore(row, older ?? null);
  missed.came.add(event.uid);
  count(countNow() + 1);
  announce(`New: ${row.querySelector(".name").textContent.trim()}`);
}

// Show a sound that was analysed anew as it is now; what plays is heard to its end.
function replace(old, row) {
  if (old.querySelector(".pick")?.checked) row.querySelector(".pick").checked = true;
  if (!old.classList.contains("current")) old.replaceWith(row);
}

// Put the rows of the first page, as it is now, above what is older; return false where others lie between the two.
function merge(page, number) {
  const rows = [...page.getElementById("list").children];
  const known = new Map([...list.children].map((row) => [row.dataset.uid, row]));
  const hasMore = page.querySelector(".paging .next") !== null;
  const last = rows.findLastIndex((row) => known.has(row.dataset.uid));
  if (hasMore && last < 0) return false;
  const listed = new Set(rows.map((row) => row.dataset.uid));
  const oldest = hasMore ? Date.parse(rows.at(-1).dataset.time) : -Infinity;
  for (const [uid, row] of known) {
    const isRemoved = !listed.has(uid) && (!hasMore || Date.parse(row.dataset.time) > oldest);
    if (isRemoved && !row.classList.contains("current")) row.remove();
  }
  // What follows the last row that both have is on a later page already, if there is one.
  const isOnNext = hasMore && document.querySelector(".paging .next");
  let place = list.firstElementChild;
  for (const row of isOnNext ? rows.slice(0, last + 1) : rows) {
    const old = known.get(row.dataset.uid);
    if (old) {
      place = old.nextElementSibling;
      old.classList.remove("new");
      if (!old.isEqualNode(row) && !old.contains(document.activeElement)) replace(old, row);
      continue;
    }
    row.classList.add("new");
    list.insertBefore(row, place);
  }
  if (list.lastElementChild === null || list.lastElementChild.dataset.uid === rows.at(-1)?.dataset.uid) {
    document.querySelector(".paging").replaceWith(page.querySelector(".paging"));
  }
  shown.clear();
  showPlaying();
  count(number);
  return true;
}

function countNow() {
  return Number(document.getElementById("count").textContent.replace(/\D/g, ""));
}

// Show the number of all that are listed.
function count(number) {
  const shown = document.getElementById("count");
  shown.textContent = spaced(number);
  const noun = list.dataset.kind.slice(0, -1);
  shown.nextElementSibling.textContent = number === 1 ? noun : `${noun}s`;
  if (number) document.getElementById("empty")?.remove();
}

// Called by navigation.js whenever a list is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  list = document.getElementById("list");
  missed = new Missed(main, list, merge, signal);
  shown.clear();
  document.getElementById("sort").addEventListener("change", (event) => event.target.form.requestSubmit());
  const filling = main.querySelector("[data-filling] .number");
  if (filling) watchFilling(filling, signal);
  const receiver = {
    receive,
    miss: (isCut) => missed.miss(isCut),
    catchUp: () => missed.catchUp(receive),
    cut: (isCut) => missed.cut(isCut),
  };
  subscribe(receiver, list.dataset.since, signal);
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
