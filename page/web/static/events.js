// One stream of events for all tabs, as a browser has six connections to a server at most, and each stream keeps one.
//
// The tab that holds the lock listens, and tells the others what it is told. A tab that begins to listen says since when
// it knows nothing, and the stream begins anew from there: what is told twice is the same. A tab that is not seen does
// not listen, unless it waits for its uploads. Where a browser gives no locks, as it does for http from another machine,
// each tab has a stream of its own while it has the focus.

const LOCK = "events";
const RECONNECT_MS = 3000;
const channel = new BroadcastChannel("events");
const receivers = new Map(); // for each what it is called with, whether it is needed in a tab that is not seen
let lastId = null;
let source = null;
let listening = null;

// Call ``receive`` with each event after a time, until the signal is aborted.
export function subscribe(receive, since, signal, isNeededUnseen = false) {
  receivers.set(receive, isNeededUnseen);
  if (lastId === null || isBefore(since, lastId)) lastId = since;
  signal.addEventListener("abort", () => {
    receivers.delete(receive);
    update();
  });
  if (listening) ask();
  update();
}

function update() {
  const isSeen = navigator.locks ? !document.hidden : document.hasFocus();
  const isNeeded = [...receivers.values()].some((isNeededUnseen) => isNeededUnseen || isSeen);
  if (isNeeded && !listening) listen();
  else if (!isNeeded && listening) end();
  if (!receivers.size) lastId = null;
}

function listen() {
  listening = new AbortController();
  const { signal } = listening;
  const hold = () => {
    connect(lastId);
    return new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  ask();
  if (navigator.locks) navigator.locks.request(LOCK, { signal }, hold).catch(() => {}); // it ends while it waits
  else hold();
}

function end() {
  listening.abort();
  listening = null;
  source?.close();
  source = null;
}

function ask() {
  if (source) connect(lastId);
  else channel.postMessage({ since: lastId });
}

function connect(since) {
  source?.close();
  const opened = new EventSource(`/events?since=${encodeURIComponent(since)}`);
  source = opened;
  opened.addEventListener("message", ({ data, lastEventId }) => {
    channel.postMessage({ data, lastEventId });
    receive(data, lastEventId);
  });
  opened.addEventListener("error", () => {
    if (opened.readyState !== EventSource.CLOSED) return; // the browser connects again
    setTimeout(() => source === opened && connect(lastId), RECONNECT_MS);
  });
}

function receive(data, id) {
  if (!listening) return;
  if (id && isBefore(lastId, id)) lastId = id;
  for (const receiver of receivers.keys()) receiver(JSON.parse(data));
}

function isBefore(one, other) {
  return Date.parse(one) < Date.parse(other);
}

channel.addEventListener("message", ({ data: { since, data, lastEventId } }) => {
  if (data) receive(data, lastEventId);
  else if (source) connect(isBefore(since, lastId) ? since : lastId);
});
if (navigator.locks) document.addEventListener("visibilitychange", update);
else for (const type of ["focus", "blur"]) addEventListener(type, update);
