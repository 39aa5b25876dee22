// Files and folders that are dropped onto the list are uploaded to the local bucket, also while one goes to other pages.
//
// An upload is waiting, sending, analysing, and then there, rejected or failed; or it is lost, when the page was left
// before it was sent: a browser keeps no file over a reload, so it has to be given again.

import { subscribe } from "./events.js";
import { describe, filesOf, isHidden, isOther, kindOf, sizeText } from "./files.js";
import { announce } from "./player.js";
import { NO_ANSWER, visible } from "./texts.js";

const MAX_REQUESTS = 3; // at the same time, of all tabs
const FEW = 20; // so many are sent without a question, and each has a row
const MAX_ROWS = 50; // of those that are no sounds
const SLOW_MS = 60000;
const THERE_MS = 4000;
const panel = document.getElementById("uploads");
const list = document.getElementById("uploads-list");
const told = document.getElementById("uploads-told");
const more = document.getElementById("uploads-more");
const retryButton = document.getElementById("uploads-retry");
const stopButton = document.getElementById("uploads-stop");
const closeButton = document.getElementById("uploads-close");
const question = document.getElementById("uploads-question");
const maxBytes = Number(panel.dataset.maxBytes);
const busy = new Set(); // the numbers of the requests that are under way
const BAD = ["refused", "failed", "rejected"]; // one that was refused or rejected would be so again
const outcomes = new Map(); // events by uid, as one can come before the answer that tells the uid
const analysed = new Map(); // uploads by uid
const counts = new Map(); // of uploads by state
let uploads = new Map(); // by name
let queue = [];
let offered = [];
let since = null;
let listening = null;
let slow = null;

function of(...states) {
  return [...uploads.values()].filter((upload) => states.includes(upload.state));
}

function count(...states) {
  return states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
}

function put(upload, state) {
  if (upload.state) counts.set(upload.state, count(upload.state) - 1);
  upload.state = state;
  if (state) counts.set(state, count(state) + 1);
}

// Ask before many are sent: how many of what, how large, and what is left out.
function offer(given) {
  offered = [...offered, ...given];
  const files = offered.filter(({ name }) => !isHidden(name));
  const others = files.filter(({ file }) => isOther(file));
  if (files.length <= FEW) return add(files);
  const sounds = files.filter(({ file }) => !isOther(file));
  const hidden = offered.length - files.length;
  question.querySelector("p").textContent = describe(files) + (hidden ? `; ${hidden} hidden left out` : "");
  const [all, some, none] = question.querySelectorAll("button");
  all.textContent = `Upload all ${files.length}`;
  some.textContent = `Only the ${sounds.length} that can be sounds`;
  some.hidden = !others.length || !sounds.length;
  const answer = (chosen) => () => {
    question.hidden = true;
    add(chosen);
  };
  all.onclick = answer(files);
  some.onclick = answer(sounds);
  none.onclick = answer([]);
  panel.hidden = false;
  question.hidden = false;
  all.focus();
  announce(question.querySelector("p").textContent);
}

// Take files over. Those that were lost are found again by name and size; what of the same was sent is not sent again.
function add(files) {
  const isGivenAgain = count("lost") > 0;
  offered = [];
  for (const { file, name } of files) {
    const known = uploads.get(name);
    if (isGivenAgain && known?.size === file.size && known.state !== "lost") continue;
    if (known) remove(known);
    const upload = { name, file, size: file.size, row: null };
    uploads.set(name, upload);
    put(upload, "waiting");
    if (file.size > maxBytes) become(upload, "refused", `not uploaded. ${file.size} bytes: at most MAX_BYTES=${maxBytes} are analysed.`);
    else queue.push(upload);
  }
  if (uploads.size <= FEW) of("waiting").forEach((upload) => showRow(upload));
  next();
  show();
}

function remove(upload) {
  upload.row?.remove();
  uploads.delete(upload.name);
  put(upload, null);
  queue = queue.filter((other) => other !== upload);
}

function next() {
  for (let number = 0; number < MAX_REQUESTS && queue.length; number += 1) {
    if (busy.has(number)) continue;
    busy.add(number);
    work(number).finally(() => busy.delete(number));
  }
}

// Send one file after the other. Each of the numbers is held by one tab at a time.
async function work(number) {
  const sendNext = async () => {
    const upload = queue.shift();
    if (upload) await send(upload);
  };
  while (queue.length) await (navigator.locks ? navigator.locks.request(`upload ${number}`, sendNext) : sendNext());
}

function send(upload) {
  listen();
  become(upload, "sending", "uploading");
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/uploads?name=${encodeURIComponent(upload.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (!upload.row || !total) return;
      upload.row.querySelector("progress").value = loaded / total;
      upload.row.querySelector(".state").textContent = `uploading, ${Math.round((loaded / total) * 100)} %`;
    });
    request.addEventListener("loadend", () => {
      if (request.status === 201) {
        upload.uid = JSON.parse(request.responseText).uid;
        upload.file = null;
        analysed.set(upload.uid, upload);
        become(upload, "analysing", "analysing");
        settle(upload);
      } else become(upload, request.status >= 400 && request.status < 500 ? "refused" : "failed", `not uploaded. ${reason(request)}`);
      resolve();
    });
    request.send(upload.file);
  });
}

function reason(request) {
  try {
    return JSON.parse(request.responseText).title;
  } catch {
    return request.responseText || NO_ANSWER;
  }
}

function receive(event) {
  if (event.kind === "removed") return;
  outcomes.set(event.uid, event);
  if (analysed.get(event.uid)?.state === "analysing") settle(analysed.get(event.uid));
}

function settle(upload) {
  const event = outcomes.get(upload.uid);
  if (!event) return;
  if (event.kind === "rejections") become(upload, "rejected", `rejected: ${event.reason}. ${event.message}`);
  else become(upload, "there", "there");
}

function become(upload, state, text) {
  if (!uploads.has(upload.name)) return; // it was dismissed, or given again
  put(upload, state);
  showRow(upload, text);
  if (BAD.includes(state) && uploads.size <= FEW) announce(`${visible(upload.name)}: ${text}`);
  show();
}

// A row for each of a few; of many for those that are being sent, and for those that cannot be sounds.
function showRow(upload, text = `waiting, ${sizeText(upload.size)}, ${kindOf(upload.name)}`) {
  const isBad = BAD.includes(upload.state);
  const hasRoom = uploads.size <= FEW || (isBad ? list.querySelectorAll(".failed").length < MAX_ROWS : upload.state === "sending");
  if (!hasRoom) {
    upload.row?.remove();
    upload.row = null;
    return;
  }
  if (!upload.row) {
    upload.row = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = visible(upload.name);
    const progress = document.createElement("progress");
    progress.setAttribute("aria-label", `Upload of ${visible(upload.name)}`);
    progress.max = 1;
    progress.value = 0;
    const state = document.createElement("span");
    state.className = "state";
    upload.row.append(name, progress, state);
    list.append(upload.row);
  }
  const { row } = upload;
  row.querySelector(".state").textContent = text;
  row.className = isBad ? "failed" : upload.state === "there" ? "there" : "";
  if (upload.state === "analysing") row.querySelector("progress").removeAttribute("value");
  if (!isBad && upload.state !== "there") return;
  row.querySelector("progress").remove();
  if (upload.state === "there") setTimeout(() => row.remove(), THERE_MS);
  else row.append(dismissButton(upload));
  if (upload.state === "rejected") {
    const link = document.createElement("a");
    link.href = `/sounds/${upload.uid}`;
    link.textContent = visible(upload.name);
    row.querySelector(".name").replaceChildren(link);
  }
}

function dismissButton(upload) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Dismiss";
  button.setAttribute("aria-label", `Dismiss ${visible(upload.name)}`);
  button.addEventListener("click", () => {
    remove(upload);
    show();
  });
  return button;
}

function show() {
  const isUnderWay = count("waiting", "sending", "analysing") > 0;
  const failed = count("failed", "refused");
  const parts = [`${count("there")} of ${uploads.size}`];
  if (count("rejected")) parts.push(`${count("rejected")} rejected`);
  if (failed) parts.push(`${failed} not uploaded`);
  if (count("analysing")) parts.push(`${count("analysing")} being analysed`);
  if (count("lost")) parts.push(`${count("lost")} not sent, as the page was left: give the same files or the folder again`);
  told.textContent = uploads.size ? parts.join(", ") : "";
  const withoutRow = count(...BAD) - list.querySelectorAll(".failed").length;
  more.textContent = withoutRow > 0 ? `and ${withoutRow} more` : "";
  retryButton.hidden = !count("failed");
  retryButton.textContent = `Try ${count("failed")} again`;
  stopButton.hidden = !count("waiting");
  closeButton.hidden = isUnderWay;
  panel.hidden = !uploads.size && question.hidden;
  if (count("waiting", "sending")) addEventListener("beforeunload", warn);
  else removeEventListener("beforeunload", warn);
  clearTimeout(slow);
  if (count("analysing")) slow = setTimeout(tellSlow, SLOW_MS);
  if (!isUnderWay && listening) {
    listening.abort();
    listening = null;
    since = null;
    if (uploads.size > FEW) announce(told.textContent);
  }
}

function tellSlow() {
  const text = "no answer yet: the window of local.sh tells why";
  const late = of("analysing");
  if (late.length === 1) announce(`${late[0].name}: ${text}`);
  else announce(`${late.length} files: ${text}`);
  for (const upload of late) if (upload.row) showRow(upload, text);
  told.textContent += `; ${text}`;
}

function warn(event) {
  event.preventDefault();
}

function listen() {
  if (listening) return;
  since ??= new Date().toISOString(); // the local stack's clock is this machine's
  listening = new AbortController();
  subscribe({ receive, isNeededUnseen: true }, since, listening.signal);
}

// What was not sent when the page is left, and what was not analysed, is known after a reload.
function keep() {
  if (!of("waiting", "sending", "analysing", "lost").length) return sessionStorage.removeItem("uploads");
  const kept = [...uploads.values()].map(({ name, size, state, uid }) => ({ name, size, state, uid }));
  try {
    sessionStorage.setItem("uploads", JSON.stringify({ since, kept }));
  } catch {
    // more than a browser keeps
  }
}

function restore() {
  const left = JSON.parse(sessionStorage.getItem("uploads") ?? "null");
  sessionStorage.removeItem("uploads");
  if (!left) return;
  since = left.since;
  for (const upload of left.kept) {
    const isLost = ["waiting", "sending", "failed"].includes(upload.state);
    const again = { ...upload, state: null, file: null, row: null };
    uploads.set(upload.name, again);
    if (upload.uid) analysed.set(upload.uid, again);
    put(again, isLost ? "lost" : upload.state);
  }
  show();
  announce(told.textContent);
  if (of("analysing").length) listen();
}

function clear() {
  uploads = new Map();
  for (const map of [outcomes, analysed, counts]) map.clear();
  list.replaceChildren();
  show();
}

function tellReading(number) {
  panel.hidden = false;
  told.textContent = `reading the folder, ${number} files …`;
}

// Called by navigation.js whenever a page is shown; ``signal`` is aborted when another takes its place.
export function start(main, signal) {
  const drop = main.querySelector("#drop"); // on the list alone: another page takes files that are not stored
  if (!drop) return;
  const on = (type, listener) => document.addEventListener(type, listener, { signal });
  on("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  on("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  on("drop", async (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    offer(await filesOf(event.dataTransfer, tellReading));
  });
  for (const input of drop.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      offer([...input.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
      input.value = "";
    });
  }
  drop.dataset.takesDrops = ""; // from now on, which the tests in the browser wait for
}

retryButton.addEventListener("click", () => {
  for (const upload of of("failed")) {
    upload.row?.remove();
    upload.row = null;
    put(upload, "waiting");
    queue.push(upload);
    showRow(upload);
  }
  next();
  show();
});
stopButton.addEventListener("click", () => {
  for (const upload of queue.splice(0)) become(upload, "failed", "not uploaded. Stopped.");
});
closeButton.addEventListener("click", clear);
document.addEventListener("visibilitychange", keep);
addEventListener("pagehide", keep);
restore();
