// Keyboard shortcuts. They can be turned off, as screen readers and voice control use single letters too.

import { markPart, toggleLoop } from "./playback.js";
import { current, playSound, seek, toggle } from "./player.js";

const dialog = document.getElementById("keys");
const useKeys = document.getElementById("use-keys");
useKeys.checked = localStorage.getItem("keys") !== "off";
useKeys.addEventListener("change", () => localStorage.setItem("keys", useKeys.checked ? "on" : "off"));
document.getElementById("show-keys").addEventListener("click", () => dialog.showModal());

const actions = {
  j: () => step(1),
  k: () => step(-1),
  p: play,
  " ": play,
  l: toggleLoop,
  r: markPart,
  b: () => goTo(sounds()[0]),
  ",": () => jump(-0.1),
  ".": () => jump(0.1),
  o: () => current().uid && location.assign(`/sounds/${current().uid}`),
  "/": () => document.getElementById("q")?.focus(),
  "?": () => dialog.showModal(),
};

function play() {
  toggle(current().uid === null ? sounds()[0] : undefined);
}

function sounds() {
  return [...document.querySelectorAll(".sound[data-uid]")].filter((sound) => sound.checkVisibility());
}

function step(by) {
  const all = sounds();
  const at = all.findIndex((sound) => sound.dataset.uid === current().uid);
  goTo(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

function goTo(sound) {
  if (!sound) return;
  sound.querySelector("[data-play]").focus({ preventScroll: true });
  sound.scrollIntoView({ block: "nearest" });
  playSound(sound, 0);
}

function jump(by) {
  const now = current();
  if (now.duration > 0) seek(now.seconds / now.duration + by);
}

// Whether the space bar is the page's: no control has the focus, and there is something to play; else it scrolls.
function isSpaceFree(event) {
  const isControl = event.target.closest("a, button, input, select, textarea, summary, pre, [tabindex='0'], [role=button]");
  return !isControl && !event.shiftKey && !event.defaultPrevented && (current().uid !== null || sounds().length > 0);
}

document.addEventListener("keydown", (event) => {
  if (!useKeys.checked || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  if (event.target.matches("input:not([type=range]), textarea, select")) return;
  const action = actions[event.key];
  if (!action || (event.key === " " && !isSpaceFree(event))) return;
  event.preventDefault();
  action();
});
