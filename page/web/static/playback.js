// How the player plays: volume, speed, again and again, a part alone. What is chosen is kept for all tabs, what plays for this tab.

import { announce, audio, clock, current, load, onChange, show } from "./player.js";

const loopButton = document.getElementById("player-loop");
const partButton = document.getElementById("player-part");
const partShown = document.getElementById("player-part-shown");
const speedSelect = document.getElementById("player-speed");
const volumeSlider = document.getElementById("player-volume");
let part = null; // of a sound that is repeated alone: { uid, from, to }, seconds; without to while its end is not chosen yet
let last = 0; // seconds at which the sound was when it was looked at last

// Play the sound again and again, or once.
export function toggleLoop() {
  loopButton.setAttribute("aria-pressed", String(!isLooped()));
  keepChoices();
  announce(isLooped() ? "Repeats" : "Plays once");
}

// Let a part begin here, or end here and play again and again, or play the whole sound again: one after the other.
export function markPart() {
  const now = current();
  if (now.uid === null) return;
  if (!part) {
    part = { uid: now.uid, from: now.seconds };
    announce(`Part from ${clock(now.seconds, now.duration)}`);
  } else if (part.to === undefined) {
    part.to = Math.max(part.from, now.seconds);
    part.from = Math.min(part.from, now.seconds);
    announce(`Repeats ${clock(part.from, now.duration)} to ${clock(part.to, now.duration)}`);
    audio.currentTime = part.from;
  } else {
    part = null;
    announce("Plays on");
  }
  showPart();
}

function isLooped() {
  return loopButton.getAttribute("aria-pressed") === "true";
}

function showPart() {
  audio.loop = isLooped() && part?.to === undefined;
  const state = !part ? "none" : part.to === undefined ? "begun" : "whole";
  const label = { none: "repeat from here", begun: "repeat up to here", whole: "repeat no part" }[state];
  partButton.setAttribute("aria-label", `A–B: ${label}`);
  partButton.title = `A–B: ${label}`;
  partButton.dataset.state = state;
  partShown.hidden = !part;
  const { duration } = current();
  if (!part || !(duration > 0)) return;
  partShown.style.setProperty("--from", `${(part.from / duration) * 100}%`);
  partShown.style.setProperty("--to", `${((part.to ?? part.from) / duration) * 100}%`);
}

// A part is left where it is played over its end, not where somebody seeks behind it.
function follow() {
  const now = current();
  if (part && part.uid !== now.uid) part = null;
  if (part?.to !== undefined && last < part.to && now.seconds >= part.to && !audio.seeking) audio.currentTime = part.from;
  last = audio.currentTime;
}

function keepChoices() {
  audio.volume = volumeSlider.value / 100;
  audio.defaultPlaybackRate = audio.playbackRate = Number(speedSelect.value);
  localStorage.setItem("playback", JSON.stringify({ volume: volumeSlider.value, speed: speedSelect.value, loop: isLooped() }));
  showPart();
}

function keepPlaying() {
  const now = current();
  if (now.uid !== null) sessionStorage.setItem("playing", JSON.stringify({ ...now, part }));
}

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

const chosen = read(localStorage, "playback");
if (chosen.volume !== undefined) volumeSlider.value = chosen.volume;
if ([...speedSelect.options].some((option) => option.value === chosen.speed)) speedSelect.value = chosen.speed;
loopButton.setAttribute("aria-pressed", String(chosen.loop === true));
const left = read(sessionStorage, "playing");
if (left.uid) {
  if (left.part) part = left.part;
  load({ dataset: { ...left, at: left.seconds } });
  if (left.playing) audio.play().catch(show); // a browser may want a press first
}
keepChoices();
onChange(follow);
audio.addEventListener("timeupdate", follow); // where no frame is drawn, as in a tab that is not seen
audio.addEventListener("durationchange", showPart);
audio.addEventListener("emptied", () => {
  last = 0;
  if (part && part.uid !== current().uid) part = null;
  showPart();
});
audio.addEventListener("ended", () => {
  if (part?.to === undefined) return;
  audio.currentTime = part.from;
  audio.play().catch(show);
});
loopButton.addEventListener("click", toggleLoop);
partButton.addEventListener("click", markPart);
speedSelect.addEventListener("change", keepChoices);
volumeSlider.addEventListener("input", keepChoices);
document.addEventListener("visibilitychange", keepPlaying); // the last that a page is surely told of
