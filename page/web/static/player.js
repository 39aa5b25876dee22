// The player at the bottom of every page. It plays the sound of any row, and shows in that row how far it is.

import { NO_ANSWER } from "./texts.js";

export const audio = new Audio();
audio.preload = "auto";
const player = document.getElementById("player");
const playButton = document.getElementById("player-play");
const nameLink = document.getElementById("player-name");
const seekSlider = document.getElementById("player-seek");
const timeText = document.getElementById("player-time");
const problemText = document.getElementById("player-problem");
const convertedText = document.getElementById("player-converted");
let uid = null;
let name = "";
let format = ""; // what the file is called
let type = ""; // its media type, where browsers differ in what they play
let isConverted = false; // whether the page converts the file, as the browser does not play it
let documentDuration = NaN; // seconds, used until the browser knows the file's own duration
let pending = null; // duration => seconds: where to seek as soon as the browser knows the duration
let isFollowing = false;
const listeners = new Set();

export function current() {
  const seconds = pending === null ? audio.currentTime : pending(duration() || 0);
  return { uid, name, playing: uid !== null && !audio.paused && !audio.error, seconds, duration: duration(), format, type };
}

export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
}

// Play a sound: from a share of it, else from where its page says, else from the beginning or from where it is.
export function playSound(element, share = null) {
  load(element);
  if (share !== null) seek(share);
  play();
}

// Play a sound from a time, seconds.
export function playAt(element, seconds) {
  load(element);
  goTo(() => seconds);
  play();
}

// Play on, also after an error, such as a page that did not answer.
function play() {
  if (audio.error) setSourceAgain(isConverted);
  audio.play().catch(() => {}); // the error event shows what is wrong
}

// Have the player show a sound, which does not play yet.
export function load(element) {
  if (element.dataset.uid !== uid) {
    uid = element.dataset.uid;
    name = element.dataset.name;
    documentDuration = parseFloat(element.dataset.duration);
    pending = null;
    problemText.hidden = true;
    player.hidden = false;
    document.body.classList.add("has-player");
    nameLink.textContent = nameLink.title = name;
    nameLink.href = `/sounds/${uid}`;
    format = element.dataset.format ?? "";
    type = element.dataset.type ?? "";
    setSource(Boolean(type) && !audio.canPlayType(type));
    const at = parseFloat(element.dataset.at);
    if (at > 0) goTo(() => at);
    show();
  }
  delete element.dataset.at;
}

function setSource(convert) {
  isConverted = convert;
  convertedText.textContent = `Converted for your browser${format && `; the original is ${format}`}.`;
  convertedText.hidden = !convert;
  audio.src = `/sounds/${uid}/audio${convert ? "?as=wav" : ""}`;
}

// Play on from where it is as converted by the page; return whether that was not tried before.
function convert() {
  if (!audio.error || isConverted || audio.error.code === MediaError.MEDIA_ERR_NETWORK) return false;
  const isPlaying = !audio.paused;
  setSourceAgain(true);
  if (isPlaying) play();
  return true;
}

// Go on from where it is.
function setSourceAgain(convert) {
  const reached = audio.currentTime;
  problemText.hidden = true;
  setSource(convert);
  if (reached > 0) goTo(() => reached);
}

export function toggle(element) {
  if (element && element.dataset.uid !== uid) playSound(element);
  else if (uid === null) return;
  else if (audio.paused || audio.error) play();
  else audio.pause();
}

export function seek(share) {
  const to = Math.min(Math.max(share, 0), 1);
  goTo((duration) => to * duration);
}

// Go to a time that may depend on the duration, which only the browser knows exactly, as soon as it does.
function goTo(secondsOf) {
  if (audio.readyState > 0 && isFinite(audio.duration)) audio.currentTime = secondsOf(audio.duration);
  else pending = secondsOf;
  show();
}

// A sound that is shorter than a minute is shown with tenths of a second.
export function clock(seconds, total = seconds) {
  if (!isFinite(seconds)) return "–";
  if (total < 60) return `0:${seconds.toFixed(1).padStart(4, "0")}`;
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}` : `${Math.floor(whole / 60)}:${two(whole % 60)}`;
}

export function announce(text) {
  document.getElementById("status").textContent = text;
}

function duration() {
  return isFinite(audio.duration) ? audio.duration : documentDuration;
}

// Show what plays and how far it is, in the player and in the rows of the page.
export function show() {
  const now = current();
  const share = now.duration > 0 ? now.seconds / now.duration : 0;
  playButton.classList.toggle("playing", now.playing);
  playButton.setAttribute("aria-label", now.playing ? "Pause" : "Play");
  if (document.activeElement !== seekSlider || now.playing) seekSlider.value = Math.round(share * 1000);
  seekSlider.setAttribute("aria-valuetext", `${clock(now.seconds, now.duration)} of ${clock(now.duration)}`);
  timeText.textContent = `${clock(now.seconds, now.duration)} / ${clock(now.duration)}`;
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
  isFollowing = current().playing;
  if (isFollowing) requestAnimationFrame(follow);
}

async function showProblem() {
  if (!audio.error || uid === null) return;
  show();
  let text = "This browser does not play it: the page of the sound has the file to download.";
  try {
    const answer = await fetch(audio.src, { cache: "no-store", headers: { Range: "bytes=0-0", Accept: "application/json" } });
    if (!answer.ok) {
      const problem = await answer.json();
      text = `${problem.title}. ${problem.advice}`;
    }
  } catch {
    text = NO_ANSWER;
  }
  convertedText.hidden = true; // nothing is
  problemText.textContent = text;
  problemText.hidden = false;
}

for (const event of ["pause", "ended", "seeked", "durationchange"]) audio.addEventListener(event, show);
audio.addEventListener("playing", () => isFollowing || follow());
audio.addEventListener("error", () => convert() || showProblem());
audio.addEventListener("loadedmetadata", () => {
  if (pending !== null) audio.currentTime = pending(audio.duration);
  pending = null;
  show();
});
// What has the focus is scrolled to above the player, and the end of the page too.
new ResizeObserver(() => document.documentElement.style.setProperty("--player-height", `${player.offsetHeight}px`)).observe(player);
playButton.addEventListener("click", () => toggle());
seekSlider.addEventListener("input", () => seek(seekSlider.value / 1000));
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
