// The map of the sounds: a point for each sound, near means alike.

import { clock, playSound } from "./player.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const EDGE = 24;
const KINDS = 7; // as many colours can be told apart; all other kinds share one more
const STEPS = 5;
const tip = document.createElement("p");
tip.className = "tip";
let map;
let legend;
let colour;
let sounds = [];
let points = [];
let at = 0;

// Called by navigation.js whenever the map is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  map = document.getElementById("map");
  legend = document.getElementById("legend");
  colour = document.getElementById("colour");
  tip.hidden = true;
  sounds = [];
  points = [];
  at = 0;
  document.getElementById("map-list").addEventListener("toggle", fillList);
  colour.addEventListener("change", paint);
  load(signal);
}

async function load(signal) {
  let answered;
  try {
    const answer = await fetch("/map.json", { signal, headers: { Accept: "application/json" } });
    answered = await answer.json();
    if (!answer.ok) return fail(`${answered.title}. ${answered.advice}`);
  } catch {
    if (signal.aborted) return;
    return fail("The page does not answer: is it still running?");
  }
  sounds = answered.sounds.sort((one, other) => one.x - other.x);
  if (!sounds.length) return fail("Too few sounds for a map: it takes three with a fingerprint.");
  const count = answered.count > answered.read ? `${answered.read} of ${answered.count} sounds, a random sample` : `All ${answered.count} sounds`;
  document.getElementById("map-lead").textContent =
    `Near means alike. ${count}; the picture keeps ${Math.round(answered.kept * 100)} % of how their fingerprints differ.`;
  draw();
  paint();
}

function fail(text) {
  const line = document.createElement("p");
  line.className = "empty";
  line.textContent = text;
  map.replaceChildren(line);
  map.removeAttribute("aria-busy");
}

function draw() {
  const ys = sounds.map((sound) => sound.y);
  const low = Math.min(...ys);
  const height = Math.max((Math.max(...ys) - low) * (WIDTH - 2 * EDGE), 250) + 2 * EDGE;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${Math.round(height)}`);
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", "Map of the sounds: arrow keys go to the nearest in that direction, Enter plays it");
  const radius = sounds.length > 500 ? 5 : sounds.length > 100 ? 7 : 10;
  points = sounds.map((sound, index) => {
    const point = document.createElementNS(SVG, "circle");
    point.setAttribute("cx", EDGE + sound.x * (WIDTH - 2 * EDGE));
    point.setAttribute("cy", height - EDGE - (sound.y - low) * (WIDTH - 2 * EDGE));
    point.setAttribute("r", radius);
    point.setAttribute("role", "button");
    point.setAttribute("tabindex", index ? "-1" : "0");
    point.setAttribute("aria-label", describe(sound));
    point.dataset.uid = sound.uid;
    point.dataset.name = sound.blob_name;
    point.dataset.duration = sound.duration ?? "";
    point.dataset.index = index;
    svg.append(point);
    return point;
  });
  svg.addEventListener("click", (event) => event.target.dataset.uid && playSound(event.target, 0));
  svg.addEventListener("pointerover", (event) => show(event.target));
  svg.addEventListener("focusin", (event) => show(event.target));
  svg.addEventListener("pointerleave", () => (tip.hidden = true));
  svg.addEventListener("keydown", press);
  map.replaceChildren(svg, tip);
  map.removeAttribute("aria-busy");
}

function describe(sound) {
  const level = typeof sound.rms_db === "number" ? `, ${sound.rms_db.toFixed(1)} dB` : "";
  const length = typeof sound.duration === "number" ? (sound.duration < 60 ? `${sound.duration.toFixed(1)} s` : clock(sound.duration)) : "–";
  return `${sound.blob_name}, ${length}${level}`;
}

function show(point) {
  if (!point.dataset?.index) {
    tip.hidden = true;
    return;
  }
  tip.textContent = describe(sounds[point.dataset.index]);
  tip.hidden = false;
  const box = map.getBoundingClientRect();
  const spot = point.getBoundingClientRect();
  const left = Math.min(Math.max(spot.left - box.left, 8), Math.max(box.width - tip.offsetWidth - 8, 8));
  tip.style.setProperty("left", `${left}px`);
  tip.style.setProperty("top", `${spot.bottom - box.top + 6}px`);
}

function press(event) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (event.key === "Enter" || event.key === " ") playSound(event.target, 0);
  else if (!way) return;
  else move(way);
  event.preventDefault();
}

// Go to the nearest sound in a direction, of those that lie within 45 degrees of it.
function move([dx, dy]) {
  const here = sounds[at];
  let best = null;
  let least = Infinity;
  sounds.forEach((sound, index) => {
    const along = (sound.x - here.x) * dx + (sound.y - here.y) * dy;
    const beside = Math.abs((sound.x - here.x) * dy) + Math.abs((sound.y - here.y) * dx);
    const far = along + 2 * beside;
    if (index !== at && along > 0 && beside <= along && far < least) [best, least] = [index, far];
  });
  if (best === null) return;
  points[at].setAttribute("tabindex", "-1");
  at = best;
  points[at].setAttribute("tabindex", "0");
  points[at].focus();
}

function paint() {
  const field = colour.value;
  const [classOf, names] = typeof sounds.find((sound) => sound[field] != null)?.[field] === "number" ? bySize(field) : byKind(field);
  points.forEach((point, index) => point.setAttribute("class", classOf(sounds[index][field])));
  legend.replaceChildren(
    ...names.map(([name, text]) => {
      const item = document.createElement("li");
      const spot = document.createElement("span");
      spot.className = `spot ${name}`;
      item.append(spot, text);
      return item;
    }),
  );
}

function byKind(field) {
  const counts = new Map();
  for (const sound of sounds) counts.set(sound[field], (counts.get(sound[field]) ?? 0) + 1);
  const kinds = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one));
  const label = (kind) => kind || (field === "folder" ? "no folder" : "unknown");
  const classOf = (kind) => (kinds.indexOf(kind) < KINDS ? `kind-${kinds.indexOf(kind)}` : "kind-rest");
  const names = kinds.slice(0, KINDS).map((kind, index) => [`kind-${index}`, `${label(kind)} (${counts.get(kind)})`]);
  return [classOf, kinds.length > KINDS ? [...names, ["kind-rest", `${kinds.length - KINDS} others`]] : names];
}

function bySize(field) {
  const values = sounds.map((sound) => sound[field]).filter((value) => typeof value === "number").sort((a, b) => a - b);
  const bounds = [...Array(STEPS + 1).keys()].map((step) => values[Math.min(Math.floor((step * values.length) / STEPS), values.length - 1)]);
  const unit = field === "duration" ? "s" : "dB";
  const classOf = (value) => {
    if (typeof value !== "number") return "kind-rest";
    const step = bounds.slice(1, STEPS).filter((bound) => value >= bound).length;
    return `step-${step}`;
  };
  return [classOf, bounds.slice(0, STEPS).map((bound, step) => [`step-${step}`, `from ${bound.toFixed(1)} ${unit}`])];
}

function fillList(event) {
  const list = event.target.querySelector("ol");
  if (list.children.length) return;
  for (const sound of sounds) {
    const others = sounds.filter((other) => other !== sound);
    const near = others.reduce((best, other) => (distance(sound, other) < distance(sound, best) ? other : best), others[0]);
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/sounds/${sound.uid}`;
    link.textContent = describe(sound);
    item.append(link, near ? ` – nearest: ${near.blob_name}` : "");
    list.append(item);
  }
}

function distance(one, other) {
  return (one.x - other.x) ** 2 + (one.y - other.y) ** 2;
}
