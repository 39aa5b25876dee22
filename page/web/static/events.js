// One stream of events for all tabs, as a browser has six connections to a server at most, and each stream keeps one.
//
// The tab that holds the lock listens, and tells the others what it is told. A tab that begins to listen says since when
// it knows nothing, and the stream begins anew from there: what is told twice is the same. A tab that is not seen does
// not listen, unless it waits for its uploads. Where a browser gives no locks, as it does for http from another machine,
// each tab has a stream of its own while it has the focus.

const LOCK = "events";
const RECONNECT_MS = 3000;
const LOOK_MS = 5000;
const SILENT_MS = 40000; // a stream that is silent for so long is not there any more, as after a sleep of the machine
const CUT_MS = 5000; // without a connection, before it is said: a stream ends at times, and begins anew at once
const channel = new BroadcastChannel("events");
const receivers = new Set();
let lastId = null;
let source = null;
let listening = null;
let isSeen = true;
let heardAt = 0; // when anything of the stream was heard last: it says every 15 seconds that it is there
let isCut = false;
let cutting = 0; // the timer after which the connection is called cut

// Tell a receiver of what is written after a time, until the signal is aborted. It has these methods, all but the first
// if it wants:
// receive(event): this was written.
// miss(isCut): from now on it may miss what is written, as the tab is not seen or there is no connection.
// change(): something else was written or removed, of which nothing is told.
// catchUp(): nothing is missed from now on, and what was written before is in the catalog.
// cut(isCut): there is no connection, or there is one again.
// With isNeededUnseen it is told also while the tab is not seen.
export function subscribe(receiver, since, signal) {
  receivers.add(receiver);
  if (lastId === null || isBefore(since, lastId)) lastId = since;
  signal.addEventListener("abort", () => {
    receivers.delete(receiver);
    update();
  });
  if (listening) ask();
  update();
}

function update() {
  const wasSeen = isSeen;
  isSeen = navigator.locks ? !document.hidden : document.hasFocus();
  if (!isSeen) tell("miss", false);
  const isNeeded = [...receivers].some(({ isNeededUnseen }) => isNeededUnseen || isSeen);
  if (isNeeded && !listening) listen();
  else if (!isNeeded && listening) end();
  else if (listening && isSeen && !wasSeen) ask();
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
  restore();
  tell("cut", false);
}

function ask() {
  if (source) connect(lastId);
  else channel.postMessage({ since: lastId });
}

function connect(since) {
  source?.close();
  const opened = new EventSource(`/events?since=${encodeURIComponent(since)}`);
  source = opened;
  heardAt = Date.now();
  const on = (type, listener) =>
    opened.addEventListener(type, (event) => {
      heardAt = Date.now();
      listener(event);
    });
  on("open", () => {
    restore();
    share({ method: "cut", isCut: false });
  });
  on("message", ({ data, lastEventId }) => share({ data, lastEventId }));
  on("changed", () => share({ method: "change" }));
  on("up-to-date", () => share({ method: "catchUp" }));
  on("keep-alive", () => {});
  on("error", () => {
    lose();
    if (opened.readyState !== EventSource.CLOSED) return; // the browser connects again
    setTimeout(() => source === opened && connect(lastId), RECONNECT_MS);
  });
}

// Say that there is no connection for now, and after a while that it is cut.
function lose() {
  share({ method: "miss", isCut: true });
  if (isCut) share({ method: "cut", isCut }); // again, as a tab may have begun to listen
  else cutting ||= setTimeout(cut, CUT_MS);
}

function cut() {
  isCut = true;
  share({ method: "cut", isCut });
}

function findSilence() {
  if (!source || Date.now() - heardAt < SILENT_MS) return;
  lose();
  connect(lastId);
}

function restore() {
  isCut = false;
  clearTimeout(cutting);
  cutting = 0;
}

// Say it in this tab and in the others.
function share(said) {
  channel.postMessage(said);
  hear(said);
}

function hear({ method, isCut: said, data, lastEventId }) {
  if (!listening) return;
  if (method) return tell(method, said);
  if (lastEventId && isBefore(lastId, lastEventId)) lastId = lastEventId;
  tell("receive", JSON.parse(data));
}

function tell(method, said) {
  for (const receiver of receivers) receiver[method]?.(said);
}

function isBefore(one, other) {
  return Date.parse(one) < Date.parse(other);
}

channel.addEventListener("message", ({ data: said }) => {
  if (!said.since) hear(said);
  else if (source) connect(isBefore(said.since, lastId) ? said.since : lastId);
});
setInterval(findSilence, LOOK_MS);
if (navigator.locks) document.addEventListener("visibilitychange", update);
else for (const type of ["focus", "blur"]) addEventListener(type, update);
