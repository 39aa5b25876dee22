// The pictures of a sound over time: labels at their times, the time under the pointer, places in the address and keys.

import { moveByOverview, zoomByPointer } from "./gestures.js";
import { showPictures } from "./pictures.js";
import { current, onChange, playAt } from "./player.js";
import { View } from "./view.js";

const STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
const LABEL_GAP_PX = 14;
const OVERHANG_PX = 8; // a label may stand out of the pictures by no more

// Return seconds as 0:07, 12:34.5 or 1:02:03, with so many digits after the point.
export function timeText(seconds, digits = 0) {
  const units = Math.round(seconds * 10 ** digits); // rounded once, so that 59.96 is no 0:60.0
  const whole = Math.floor(units / 10 ** digits);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = digits ? `.${String(units % 10 ** digits).padStart(digits, "0")}` : "";
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}${rest}`;
}

// Return the times that a Media Fragment such as #t=83.5 names, null where it names none.
export function placeOf(hash) {
  const match = /^#t=(?:npt:)?([0-9]{1,7}(?:\.[0-9]{1,9})?)$/.exec(hash);
  return match ? Number(match[1]) : null;
}

// Called whenever the page of a sound is shown; ``signal`` is aborted when another page takes its place.
export function start(one, signal) {
  const total = parseFloat(one.dataset.duration) || 0;
  const digits = total < 60 ? 1 : 0;
  const pictures = one.querySelector("#pictures");
  const seek = pictures.querySelector("#seek");
  const times = pictures.querySelector("#times");
  const under = pictures.querySelector("#under");
  const jumps = [...pictures.querySelectorAll("[data-jump]")];
  const view = new View(total);
  let last = Infinity; // seconds at which the sound was when it was looked at last
  const keysAreUsed = document.getElementById("use-keys");
  const isHere = () => current().uid === one.dataset.uid;

  function position() {
    return isHere() ? current().seconds : Number(one.dataset.at ?? 0);
  }

  function secondsAt(clientX) {
    return view.secondsAt((clientX - seek.getBoundingClientRect().left - seek.clientLeft) / seek.clientWidth);
  }

  function digitsOf(secondsOfOne) {
    return Math.min(Math.max(Math.ceil(-Math.log10(2 * secondsOfOne)), 0), 3);
  }

  // Show a place in the sound that does not play: where it begins as soon as it does.
  function place(seconds) {
    one.dataset.at = seconds;
    seek.classList.add("placed");
    seek.setAttribute("aria-valuenow", seconds.toFixed(2));
    seek.setAttribute("aria-valuetext", `${timeText(seconds, digits)} of ${timeText(total, digits)}`);
    showCursor(seconds);
  }

  function showCursor(seconds) {
    seek.style.setProperty("--at", `${view.shareOf(seconds) * 100}%`);
    seek.style.setProperty("--played-here", `${Math.min(Math.max(drawn.playedShare(seconds), 0), 1) * 100}%`);
  }

  function go(seconds) {
    const to = Math.min(Math.max(seconds, 0), total);
    view.reach(to);
    playAt(one, to);
    history.replaceState(history.state, "", `#t=${Number(to.toFixed(2))}`);
  }

  function drawTimes() {
    const width = seek.clientWidth;
    times.replaceChildren();
    if (!total || !width) return;
    const label = (seconds, step) => {
      const span = document.createElement("span");
      const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
      span.textContent = total < 60 ? `${seconds.toFixed(decimals)} s` : timeText(seconds, decimals);
      span.style.left = `${view.shareOf(seconds) * 100}%`;
      times.append(span);
      return span;
    };
    // The last label is the longest; steps are tried with it until it has room.
    for (const step of STEPS_S) {
      times.replaceChildren();
      const [first, last] = [Math.ceil(view.from / step - 1e-9), Math.floor(view.to / step + 1e-9)];
      if ((step / view.span) * width < label(last * step, step).offsetWidth + LABEL_GAP_PX && step !== STEPS_S.at(-1)) continue;
      times.replaceChildren();
      for (let number = first; number <= last; number += 1) label(number * step, step);
      break;
    }
    for (const span of [...times.children]) {
      const centre = (parseFloat(span.style.left) / 100) * width;
      const overhang = Math.max(span.offsetWidth / 2 - centre, centre + span.offsetWidth / 2 - width);
      if (overhang > (parseFloat(span.style.left) === 0 ? 2 : 1) * OVERHANG_PX) span.remove();
    }
  }

  function onKey(event) {
    const isOnSlider = event.target === seek;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (!isOnSlider && (!keysAreUsed.checked || event.target.closest("input, select, textarea, button, a, summary, pre"))) return;
    const step = Math.min(1, total / 20);
    const leap = Math.min(10, total / 4);
    const by = { ArrowLeft: event.shiftKey ? -leap : -step, ArrowRight: event.shiftKey ? leap : step };
    const sliders = { ArrowDown: -step, ArrowUp: step, PageDown: -leap, PageUp: leap };
    const zooms = { "+": 0.5, "=": 0.5, "-": 2, 0: Infinity };
    if (event.key in by) go(position() + by[event.key]);
    else if (event.key in zooms) zoom(zooms[event.key]);
    else if (event.key === "[" || event.key === "]") jump(event.key === "]");
    else if (!isOnSlider) return;
    else if (event.key in sliders) go(position() + sliders[event.key]);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(total);
    else if (event.key === "Enter" || event.key === " ") one.querySelector("[data-play]").click();
    else return;
    event.preventDefault();
  }

  // Zoom around the cursor where it is seen, else around the middle.
  function zoom(factor) {
    const at = position();
    const isSeen = at >= view.from && at <= view.to && (isHere() || seek.classList.contains("placed"));
    view.zoom(factor, isSeen ? at : (view.from + view.to) / 2);
  }

  // Go to the next moment, or to the one before.
  function jump(isOn) {
    const all = jumps.map((button) => Number(button.dataset.jump)).sort((one, other) => one - other);
    const to = isOn ? all.find((at) => at > position() + 0.05) : all.findLast((at) => at < position() - 1);
    if (to !== undefined) go(to);
  }

  function showUnder(event) {
    const seconds = secondsAt(event.clientX);
    under.textContent = timeText(seconds, digitsOf(view.span / seek.clientWidth));
    under.hidden = event.pointerType === "touch" || !total;
    const half = under.offsetWidth / 2;
    const x = event.clientX - seek.getBoundingClientRect().left - seek.clientLeft;
    under.style.left = `${Math.min(Math.max(x, half), seek.clientWidth - half)}px`;
  }

  function open() {
    const seconds = placeOf(location.hash);
    if (seconds === null || seconds > total) return;
    if (isHere() && current().playing) playAt(one, seconds);
    else place(seconds);
  }

  const drawn = showPictures(one, view, signal);
  view.onChange(() => {
    drawTimes();
    showCursor(position());
    under.hidden = true;
    zoomOut.disabled = zoomAll.disabled = view.isWhole;
  });
  moveByOverview(pictures.querySelector("#overview"), view);
  zoomByPointer(seek, view, go, signal);
  const [zoomIn, zoomOut, zoomAll] = ["in", "out", "all"].map((name) => pictures.querySelector(`#zoom-${name}`));
  zoomIn.addEventListener("click", () => zoom(0.5));
  zoomOut.addEventListener("click", () => zoom(2));
  zoomAll.addEventListener("click", () => zoom(Infinity));
  for (const button of jumps) button.addEventListener("click", () => go(Number(button.dataset.jump)));
  seek.addEventListener("pointermove", showUnder);
  seek.addEventListener("pointerleave", () => {
    under.hidden = true;
  });
  document.addEventListener("keydown", onKey, { signal });
  addEventListener("hashchange", open, { signal });
  onChange((now) => {
    if (!isHere()) return;
    seek.classList.remove("placed");
    // What is heard stays in sight: the next stretch follows when the last has been heard.
    if (now.playing && last <= view.to && now.seconds > view.to) view.pan(view.span);
    last = now.seconds;
    showCursor(now.seconds);
    seek.setAttribute("aria-valuenow", now.seconds.toFixed(2));
    seek.setAttribute("aria-valuetext", `${timeText(now.seconds, digits)} of ${timeText(now.duration || total, digits)}`);
  }, signal);
  const sizes = new ResizeObserver(drawTimes);
  sizes.observe(seek);
  signal.addEventListener("abort", () => sizes.disconnect());
  open();
}
