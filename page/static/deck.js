// The one player of the page: what any list plays is heard here, and is shown where it stands.

const audio = new Audio();
audio.preload = "auto";
const deck = document.getElementById("deck");
const deckPlay = document.getElementById("deck-play");
const deckName = document.getElementById("deck-name");
const deckSeek = document.getElementById("deck-seek");
const deckTime = document.getElementById("deck-time");
const deckTrouble = document.getElementById("deck-trouble");
let uid = null;
let name = "";
let declared = NaN; // seconds, until the file itself tells
let wanted = null; // a share of the sound to go to once its length is known
const listeners = new Set();

export function current() {
  return { uid, name, playing: uid !== null && !audio.paused, seconds: audio.currentTime, duration: duration() };
}

export function onChange(listener) {
  listeners.add(listener);
}

export function playSound(element, share = null) {
  if (element.dataset.uid !== uid) {
    uid = element.dataset.uid;
    name = element.dataset.name;
    declared = parseFloat(element.dataset.duration);
    wanted = null;
    deckTrouble.hidden = true;
    deck.hidden = false;
    document.body.classList.add("has-deck");
    deckName.textContent = name;
    deckName.href = `/sounds/${uid}`;
    audio.src = `/sounds/${uid}/audio`;
  }
  if (share !== null) seek(share);
  audio.play().catch(() => {}); // what is wrong is told by the error event
}

export function toggle(element) {
  if (element && element.dataset.uid !== uid) playSound(element);
  else if (uid === null) return;
  else if (audio.paused) audio.play().catch(() => {});
  else audio.pause();
}

export function seek(share) {
  const to = Math.min(Math.max(share, 0), 1);
  if (audio.readyState > 0 && isFinite(audio.duration)) audio.currentTime = to * audio.duration;
  else wanted = to;
  show();
}

// Tenths are told of sounds that are shorter than a minute.
export function clock(seconds, total = seconds) {
  if (!isFinite(seconds)) return "–";
  if (total < 60) return `0:${seconds.toFixed(1).padStart(4, "0")}`;
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}` : `${Math.floor(whole / 60)}:${two(whole % 60)}`;
}

export function say(text) {
  document.getElementById("status").textContent = text;
}

function duration() {
  return isFinite(audio.duration) ? audio.duration : declared;
}

function show() {
  const now = current();
  const share = wanted ?? (now.duration > 0 ? now.seconds / now.duration : 0);
  deckPlay.classList.toggle("playing", now.playing);
  deckPlay.setAttribute("aria-label", now.playing ? "Pause" : "Play");
  if (document.activeElement !== deckSeek || now.playing) deckSeek.value = Math.round(share * 1000);
  deckSeek.setAttribute("aria-valuetext", `${clock(now.seconds, now.duration)} of ${clock(now.duration)}`);
  deckTime.textContent = `${clock(now.seconds, now.duration)} / ${clock(now.duration)}`;
  for (const element of document.querySelectorAll("[data-uid]")) {
    const isThis = element.dataset.uid === uid;
    element.classList.toggle("current", isThis);
    const button = element.querySelector("[data-play]");
    if (!button) continue;
    const isPlaying = isThis && now.playing;
    if (button.classList.contains("playing") !== isPlaying) {
      button.classList.toggle("playing", isPlaying);
      button.setAttribute("aria-label", `${isPlaying ? "Pause" : "Play"} ${element.dataset.name}`);
    }
    if (isThis) element.style.setProperty("--played", `${share * 100}%`);
  }
  for (const listener of listeners) listener(now, share);
}

function follow() {
  show();
  if (!audio.paused) requestAnimationFrame(follow);
}

async function tell() {
  if (!audio.error || uid === null) return;
  let text = "This browser does not play files of this kind: its page has the file to download.";
  try {
    const answer = await fetch(audio.src, { cache: "no-store", headers: { Range: "bytes=0-0", Accept: "application/json" } });
    if (!answer.ok) {
      const told = await answer.json();
      text = `${told.title}. ${told.advice}`;
    }
  } catch {
    text = "The page does not answer: is it still running?";
  }
  deckTrouble.textContent = text;
  deckTrouble.hidden = false;
}

for (const event of ["pause", "ended", "seeked", "durationchange"]) audio.addEventListener(event, show);
audio.addEventListener("playing", follow);
audio.addEventListener("error", tell);
audio.addEventListener("loadedmetadata", () => {
  if (wanted !== null) audio.currentTime = wanted * audio.duration;
  wanted = null;
  show();
});
deckPlay.addEventListener("click", () => toggle());
deckSeek.addEventListener("input", () => seek(deckSeek.value / 1000));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-play]");
  if (button) return toggle(button.closest("[data-uid]"));
  const wave = event.target.closest("li.sound .wave");
  if (!wave) return;
  const box = wave.getBoundingClientRect();
  playSound(wave.closest("[data-uid]"), (event.clientX - box.left) / box.width);
});

export function localTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const year = new Date().getFullYear();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (isNaN(moment)) continue;
    time.title = time.textContent;
    time.textContent = (moment.getFullYear() === year ? short : format).format(moment);
  }
}
localTimes(document);
