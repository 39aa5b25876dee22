// New sounds and rejections appear in the list as they are written, and leave it as they are removed.
//
// A list of all, the newest first, shows what it is told at once. What a filter selects, where a sound stands in another
// order or on a later page, and how many are in each folder, only the page knows: it is asked when something is told.

import { subscribe } from "./events.js";
import { refresh } from "./navigation.js";
import { announce, localTimes, show as showPlaying } from "./player.js";
import { spaced } from "./texts.js";
import { countOf, Updates } from "./updates.js";

const FEW = 3; // so many names are said
const heard = new Map(); // what was told, by uid
let list;
let updates;

function receive(event) {
  if (updates.takes(event)) return;
  const isRemoved = event.kind === "removed";
  if (!isRemoved && (event.kind !== list.dataset.kind || heard.get(event.uid) === event.html)) return;
  heard.set(event.uid, event.html); // none where it is removed
  updates.hear();
  if (!("live" in list.dataset)) return;
  if (isRemoved) remove(rowOf(event.uid));
  else insert(event);
}

function rowOf(uid) {
  return [...list.children].find((child) => child.dataset.uid === uid);
}

function remove(row) {
  if (!row || !drop(row)) return;
  tell([], [row]);
  updates.came.delete(row.dataset.uid);
  count(countOf(document) - 1);
}

function insert({ uid, html }) {
  const row = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  localTimes(row);
  const old = rowOf(uid);
  if (old) {
    replace(old, row);
    return;
  }
  const older = [...list.children].find((child) => Date.parse(child.dataset.time) <= Date.parse(row.dataset.time));
  if (!older && document.querySelector(".paging .next")) return; // it belongs on a later page
  row.classList.add("new");
  list.insertBefore(row, older ?? null);
  updates.came.add(uid);
  count(countOf(document) + 1);
  tell([row], []);
}

// Show a sound that was analysed anew as it is now; what plays is heard to its end.
function replace(old, row) {
  if (old.querySelector(".pick")?.checked) row.querySelector(".pick").checked = true;
  if (!old.classList.contains("current")) old.replaceWith(row);
}

// Take a row out of the list, and the focus to the next; return false where it plays, as that is heard to its end.
function drop(row) {
  if (row.classList.contains("current")) return false;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  const hadFocus = row.contains(document.activeElement);
  row.remove();
  heard.delete(row.dataset.uid);
  if (hadFocus) (next?.querySelector("a, button") ?? document.getElementById("main")).focus({ preventScroll: true });
  return true;
}

// Put the rows of a page, the list as it is now, into this one, and say so unless they were missed, which is told above
// the list. Return false where there is no place: in another order, on a later page, and where others lie between the two.
function merge(page, isMissed) {
  const rows = [...page.getElementById("list").children];
  const known = new Map([...list.children].map((row) => [row.dataset.uid, row]));
  const hasMore = page.querySelector(".paging .next") !== null;
  const last = rows.findLastIndex((row) => known.has(row.dataset.uid));
  if (!("newest" in list.dataset) || (hasMore && last < 0 && known.size)) return false;
  const listed = new Set(rows.map((row) => row.dataset.uid));
  const oldest = Date.parse(rows.at(-1)?.dataset.time);
  const isGone = ({ dataset }) => !listed.has(dataset.uid) && (!hasMore || Date.parse(dataset.time) > oldest);
  const removed = [...list.children].filter(isGone).filter(drop);
  const added = [];
  // What follows the last row that both have is on a later page already, if there is one.
  const hadNext = document.querySelector(".paging .next") !== null;
  let place = list.firstElementChild;
  for (const [index, row] of (hasMore && hadNext ? rows.slice(0, last + 1) : rows).entries()) {
    const old = known.get(row.dataset.uid);
    if (old) {
      place = old.nextElementSibling;
      if (isMissed) old.classList.remove("new");
      row.classList.toggle("new", old.classList.contains("new"));
      if (!old.isEqualNode(row) && !old.contains(document.activeElement)) replace(old, row);
      continue;
    }
    list.insertBefore(row, place);
    if (hadNext && index > last) continue; // it comes up from what was the next page
    row.classList.add("new");
    added.push(row);
  }
  if (list.lastElementChild === null || list.lastElementChild.dataset.uid === rows.at(-1)?.dataset.uid) {
    document.querySelector(".paging").replaceWith(page.querySelector(".paging"));
  }
  showPlaying();
  count(countOf(page));
  showAround(page);
  if (!isMissed) tell(added, removed);
  return true;
}

// Show the links with their counts as they are in a page, and what it says where there is nothing.
function showAround(page) {
  const empty = page.getElementById("empty");
  if (empty && !document.getElementById("empty")) list.after(empty);
  const [old, fresh] = [document, page].map((where) => where.getElementById("facets"));
  for (const details of old.querySelectorAll("details[open]")) {
    const label = details.closest("nav").getAttribute("aria-label");
    fresh.querySelector(`nav[aria-label="${label}"] details`)?.toggleAttribute("open", true);
  }
  if (old.isEqualNode(fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  const links = [...fresh.querySelectorAll("a, summary")];
  const same = focused && links.find((link) => link.getAttribute("href") === focused.getAttribute("href"));
  if (focused) (same ?? document.getElementById("main")).focus({ preventScroll: true });
}

// Say which rows have come and gone, or how many.
function tell(added, removed) {
  const parts = [];
  for (const [what, rows] of [["New", added], ["Removed", removed]]) {
    const names = rows.map((row) => row.querySelector(".name").textContent.trim());
    if (names.length > FEW) parts.push(`${spaced(names.length)} ${what.toLowerCase()}`);
    else if (names.length) parts.push(`${what}: ${names.join(", ")}`);
  }
  if (parts.length) announce(parts.join(". "));
}

// Show the number of all that are listed.
function count(number) {
  const shown = document.getElementById("count");
  shown.textContent = spaced(number);
  const noun = list.dataset.kind.slice(0, -1);
  shown.nextElementSibling.textContent = number === 1 ? noun : `${noun}s`;
  const all = document.getElementById("pick-all");
  if (all) all.dataset.count = number; // several.js shows it
  if (number) document.getElementById("empty")?.remove();
}

// Called by navigation.js whenever a list is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  list = document.getElementById("list");
  updates = new Updates(main, list, { merge, receive, signal });
  heard.clear();
  document.getElementById("sort").addEventListener("change", (event) => event.target.form.requestSubmit());
  const filling = main.querySelector("[data-filling] .number");
  if (filling) watchFilling(filling, signal);
  const receiver = {
    receive,
    change: () => updates.hear(),
    miss(isCut) {
      heard.clear(); // what it says may have changed meanwhile, and back
      updates.miss(isCut);
    },
    catchUp: () => updates.catchUp(),
    cut: (isCut) => updates.cut(isCut),
  };
  subscribe(receiver, list.dataset.since, signal);
}

// While the collection is read for the first time the page looks how far it is, and shows all of it when it is there.
function watchFilling(filling, signal) {
  const look = setInterval(async () => {
    const asked = fetch("/catalog.json", { signal }).then((answer) => answer.json());
    const progress = await asked.catch(() => null);
    if (!progress || signal.aborted) return;
    filling.textContent = `${progress.count} of ${progress.total}`;
    if (!progress.is_filled) return;
    clearInterval(look);
    refresh();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(look));
}
