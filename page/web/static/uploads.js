// Files and folders that are dropped onto the page are uploaded to the local bucket. Each has a row that shows its progress.

import { announce } from "./player.js";
import { outcome } from "./list.js";

const MAX_REQUESTS = 3; // at the same time
const SLOW_MS = 60000;
const queue = [];
let list;
let running = 0;

function add(file, name) {
  const row = document.createElement("li");
  const label = document.createElement("span");
  label.className = "name";
  label.textContent = name;
  const progress = document.createElement("progress");
  progress.max = 1;
  progress.value = 0;
  progress.setAttribute("aria-label", `Upload of ${name}`);
  const state = document.createElement("span");
  state.className = "state";
  state.textContent = "waiting";
  row.append(label, progress, state);
  list.append(row);
  queue.push({ file, name, row, progress, state });
  next();
}

function next() {
  while (running < MAX_REQUESTS && queue.length) {
    running += 1;
    send(queue.shift());
  }
}

function send(upload) {
  const request = new XMLHttpRequest();
  request.open("POST", `/uploads?name=${encodeURIComponent(upload.name)}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    upload.progress.value = event.loaded / event.total;
    upload.state.textContent = `uploading, ${Math.round((event.loaded / event.total) * 100)} %`;
  });
  request.addEventListener("loadend", () => {
    running -= 1;
    next();
    if (request.status === 201) follow(upload, JSON.parse(request.responseText).uid);
    else fail(upload, "not uploaded", reason(request));
  });
  request.send(upload.file);
}

function reason(request) {
  try {
    return JSON.parse(request.responseText).title;
  } catch {
    return request.responseText || "the page does not answer";
  }
}

async function follow(upload, uid) {
  upload.progress.removeAttribute("value");
  upload.state.textContent = "analysing";
  const slow = setTimeout(() => {
    showState(upload, "no answer yet: the window of local.sh tells why");
  }, SLOW_MS);
  const event = await outcome(uid);
  clearTimeout(slow);
  if (event.kind === "rejections") return fail(upload, `rejected: ${event.reason}`, event.message);
  upload.progress.remove();
  upload.row.classList.add("there");
  upload.state.textContent = "there";
  setTimeout(() => upload.row.remove(), 4000);
}

function fail(upload, what, why) {
  upload.progress.remove();
  upload.row.classList.add("failed");
  showState(upload, `${what}. ${why}`);
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.className = "quiet";
  dismiss.textContent = "Dismiss";
  dismiss.setAttribute("aria-label", `Dismiss ${upload.name}`);
  dismiss.addEventListener("click", () => upload.row.remove());
  upload.row.append(dismiss);
}

// A screen reader is told of everything but success: the list announces a new sound itself.
function showState(upload, text) {
  upload.state.textContent = text;
  announce(`${upload.name}: ${text}`);
}

async function addEntry(entry) {
  if (entry.isFile) {
    entry.file((file) => add(file, entry.fullPath.replace(/^\//, "")));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const inner of entries) await addEntry(inner);
  }
}

// Called by navigation.js whenever the list is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  list = document.getElementById("uploads");
  if (!list) return;
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
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (entries.length) entries.forEach(addEntry);
    else for (const file of event.dataTransfer.files) add(file, file.name);
  }, { signal });
  for (const id of ["choose-files", "choose-folder"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => {
      for (const file of input.files) add(file, file.webkitRelativePath || file.name);
      input.value = "";
    });
  }
}
