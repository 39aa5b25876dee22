// The map of the sounds: a point for each sound, near means alike.

import { colourBy } from "./colours.js";
import { ScatterPlot } from "./scatter.js";
import { clock, current, onChange, playSound, show as showPlaying } from "./player.js";
import { NO_ANSWER, RETRY_MS, spaced, visible } from "./texts.js";

const DRAWING_MS = 1500; // until the next look while it is being drawn
const NEW_MS = 30_000; // and after that
const LISTED = 20; // at a time
const NEIGHBOURS = 3;
const TIPPED = 6; // names under the pointer
const HERE = 50; // sounds at one place that are named
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Called by navigation.js whenever the map is shown; ``signal`` is aborted when another page takes its place.
export function start(main, signal) {
  new SoundMap(main, signal).load();
}

class SoundMap {
  constructor(main, signal) {
    const part = (id) => main.querySelector(`#${id}`);
    this.signal = signal;
    this.map = part("map");
    this.plane = part("map-plane");
    this.at = part("map-at");
    this.now = part("map-now");
    this.tip = part("map-tip");
    this.lead = part("map-lead");
    this.legend = part("legend");
    this.here = part("map-here");
    this.list = part("map-list");
    this.colour = part("colour");
    this.sounds = [];
    this.playing = -1;
    this.etag = null;
    const told = { over: (...under) => this.over(...under), pick: (indices) => this.pick(indices), moved: () => this.moved() };
    this.plot = new ScatterPlot(this.plane, part("map-canvas"), told, signal);
    for (const [id, action] of [["map-in", "zoomIn"], ["map-out", "zoomOut"], ["map-all", "zoomToAll"]]) {
      part(id).addEventListener("click", () => this.plot[action](), { signal });
    }
    this.plane.addEventListener("keydown", (event) => this.press(event), { signal });
    this.plane.addEventListener("focus", () => this.plane.matches(":focus-visible") && this.begin(), { signal });
    this.plane.addEventListener("blur", () => (this.tip.hidden = true), { signal });
    this.colour.addEventListener("change", () => this.paint(), { signal });
    this.list.addEventListener("toggle", () => this.fillList(), { signal });
    part("map-more").addEventListener("click", () => this.lengthenList(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.load(), { signal });
    onChange(() => this.showNow(), signal);
  }

  async load() {
    clearTimeout(this.timer);
    const answered = await this.ask();
    if (this.signal.aborted) return;
    if (answered) this.take(answered);
    if (!document.hidden) this.timer = setTimeout(() => this.load(), this.isUnanswered ? RETRY_MS : this.isBeingDrawn ? DRAWING_MS : NEW_MS);
    this.signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  // Return the map, null where it is as before or does not come.
  async ask() {
    this.isUnanswered = false;
    try {
      const headers = { Accept: "application/json", ...(this.etag && { "If-None-Match": this.etag }) };
      const answer = await fetch("/map.json", { signal: this.signal, headers, cache: "no-store" });
      if (answer.status === 304) return null;
      const answered = await answer.json();
      if (answer.ok) this.etag = answer.headers.get("etag");
      else this.tell(`${answered.title}. ${answered.advice}`);
      return answer.ok ? answered : null;
    } catch {
      this.isUnanswered = true;
      if (!this.signal.aborted && !this.sounds.length) this.tell(NO_ANSWER);
      return null;
    }
  }

  take(answered) {
    this.isBeingDrawn = answered.is_being_drawn;
    const marked = this.sounds[this.plot.marked]?.uid;
    this.sounds = answered.sounds.map((sound) => ({ ...sound, blob_name: visible(sound.blob_name), folder: visible(sound.folder) }));
    this.lead.textContent = leadOf(answered);
    if (!this.sounds.length) {
      if (answered.problem) this.tell(answered.problem);
      else if (this.isBeingDrawn) this.tell("The map is being drawn, which takes some seconds.", true);
      else this.tell("Too few sounds for a map: it takes three with a fingerprint.");
      return;
    }
    this.map.querySelector(".empty")?.remove();
    this.map.classList.remove("is-empty");
    this.map.removeAttribute("aria-busy");
    this.paint();
    if (!this.sounds.some((_, index) => this.plot.isInView(index))) this.plot.zoomToAll();
    this.mark(this.sounds.findIndex((sound) => sound.uid === marked), false);
    this.fillList();
  }

  tell(text, isBusy = false) {
    const line = document.createElement("p");
    line.className = "empty";
    line.setAttribute("role", "status");
    line.textContent = text;
    this.map.querySelector(".empty")?.remove();
    this.map.append(line);
    this.map.classList.add("is-empty");
    if (!isBusy) this.map.removeAttribute("aria-busy");
  }

  paint() {
    if (!this.sounds.length) return;
    const [colours, legend] = colourBy(this.colour.value, this.sounds);
    this.colours = colours;
    this.plot.show(this.sounds.map((sound, index) => ({ x: sound.x, y: sound.y, colour: colours[index], label: baseName(sound) })));
    this.legend.replaceChildren(
      ...legend.map(([colour, text]) => {
        const item = document.createElement("li");
        item.append(spot(colour), text);
        return item;
      }),
    );
  }

  moved() {
    this.mark(this.plot.marked, false);
    this.tip.hidden = true;
    this.showNow();
    document.getElementById("map-out").disabled = document.getElementById("map-all").disabled = this.plot.zoom <= 1;
    clearTimeout(this.listing);
    this.listing = setTimeout(() => this.fillList(), 300);
  }

  // Put the ring around a sound, of which assistive technology is told, and its name beside it.
  mark(index, isNamed = true) {
    this.plot.marked = index;
    this.at.hidden = index < 0;
    if (index < 0) return;
    if (isNamed) this.plot.mark(index);
    const sound = this.sounds[index];
    const [x, y] = this.plot.place(index);
    Object.assign(this.at.dataset, { uid: sound.uid, name: sound.blob_name, duration: sound.duration ?? "" });
    this.at.setAttribute("aria-label", describe(sound));
    this.at.style.setProperty("left", `${x}px`);
    this.at.style.setProperty("top", `${y}px`);
    this.at.hidden = !this.plot.isInView(index);
    if (isNamed) this.name([index], x, y);
  }

  // Who comes by keyboard begins at a sound; a press of a pointer must not move the picture.
  begin() {
    if (this.sounds.length) this.mark(Math.max(this.plot.marked, 0));
  }

  // Show where the sound is that plays.
  showNow() {
    const { uid } = current();
    if (this.sounds[this.playing]?.uid !== uid) this.playing = uid ? this.sounds.findIndex((sound) => sound.uid === uid) : -1;
    this.now.hidden = !(this.playing >= 0 && this.plot.isInView(this.playing));
    if (this.now.hidden) return;
    const [x, y] = this.plot.place(this.playing);
    this.now.dataset.name = this.sounds[this.playing].blob_name;
    this.now.style.setProperty("left", `${x}px`);
    this.now.style.setProperty("top", `${y}px`);
  }

  // Name some sounds at a place, within the picture.
  name(indices, x, y) {
    this.tip.hidden = !indices.length;
    const names = indices.length > 1 ? indices.slice(0, TIPPED).map((index) => baseName(this.sounds[index])) : indices.map((index) => describe(this.sounds[index]));
    if (indices.length > TIPPED) names.push(`and ${indices.length - TIPPED} more: click, or zoom in`);
    this.tip.classList.toggle("several", names.length > 1);
    this.tip.replaceChildren(
      ...names.map((name) => {
        const line = document.createElement("span");
        line.textContent = name;
        return line;
      }),
    );
    const left = Math.min(Math.max(x, 8), Math.max(this.plane.clientWidth - this.tip.offsetWidth - 8, 8));
    const isBelow = y + 14 + this.tip.offsetHeight <= this.plane.clientHeight;
    this.tip.style.setProperty("left", `${left}px`);
    this.tip.style.setProperty("top", `${isBelow ? y + 14 : Math.max(y - 14 - this.tip.offsetHeight, 0)}px`);
  }

  over(indices, x, y) {
    this.plane.classList.toggle("over", indices.length > 0);
    if (indices.length) this.mark(indices[0], false);
    this.name(indices, x, y);
  }

  // Play the nearest of some sounds that lie over each other, and name all of them beside the map.
  pick(indices) {
    this.listHere(indices);
    if (!indices.length) return;
    this.mark(indices[0], false);
    playSound(this.at, 0);
  }

  listHere(indices) {
    const title = this.here.querySelector("h2");
    title.textContent = indices.length ? `Here: ${indices.length} sound${indices.length === 1 ? "" : "s"}` : "Nothing is here";
    const rows = indices.slice(0, HERE).map((index) => rowOf(this.sounds[index], this.colours[index]));
    this.here.querySelector("ol").replaceChildren(...rows);
    const rest = this.here.querySelector(".rest");
    rest.textContent = indices.length > HERE ? `Zoom in to tell the other ${indices.length - HERE} apart.` : "";
    showPlaying();
  }

  press(event) {
    if (!this.sounds.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const marked = Math.max(this.plot.marked, 0);
    if (event.key === "Enter" || event.key === " ") this.pick(this.plot.near(...this.plot.place(marked), 1));
    else if (event.key === "+" || event.key === "=") this.plot.zoomBy(1.6, ...this.plot.place(marked));
    else if (event.key === "-") this.plot.zoomOut();
    else if (event.key === "0") this.plot.zoomToAll();
    else if (event.key in DIRECTIONS) this.step(DIRECTIONS[event.key]);
    else return;
    event.preventDefault();
  }

  // Go to the nearest sound in a direction, of those that lie within 45 degrees of it.
  step([dx, dy]) {
    const here = this.sounds[Math.max(this.plot.marked, 0)];
    let best = -1;
    let least = Infinity;
    this.sounds.forEach((sound, index) => {
      const along = (sound.x - here.x) * dx + (sound.y - here.y) * dy;
      const beside = Math.abs((sound.x - here.x) * dy) + Math.abs((sound.y - here.y) * dx);
      const far = along + 2 * beside;
      if (along > 0 && beside <= along && far < least) [best, least] = [index, far];
    });
    if (best >= 0) this.mark(best);
  }

  // List the sounds in view, from left to right.
  fillList() {
    if (!this.list.open || !this.sounds.length) return;
    this.listed = this.sounds.map((_, index) => index).filter((index) => this.plot.isInView(index));
    this.listed.sort((one, other) => this.sounds[one].x - this.sounds[other].x);
    this.list.querySelector("ol").replaceChildren();
    this.lengthenList();
  }

  lengthenList() {
    const list = this.list.querySelector("ol");
    const next = this.listed.slice(list.children.length, list.children.length + LISTED);
    for (const index of next) {
      const item = document.createElement("li");
      const near = document.createElement("span");
      item.append(linkTo(this.sounds[index], describe(this.sounds[index])), near);
      list.append(item);
      this.nameNeighbours(this.sounds[index].uid, near);
    }
    const left = this.listed.length - list.children.length;
    document.getElementById("map-more").hidden = left <= 0;
    document.getElementById("map-more").textContent = `${Math.min(left, LISTED)} more of ${left}`;
  }

  // Name the sounds that are nearest by their fingerprints, among all there are.
  async nameNeighbours(uid, place) {
    let neighbours;
    try {
      const answer = await fetch(`/sounds/${uid}/neighbours.json?n=${NEIGHBOURS}`, { signal: this.signal });
      neighbours = answer.ok ? await answer.json() : [];
    } catch {
      return;
    }
    if (!neighbours.length) return;
    place.append(" – most like ");
    neighbours.forEach((sound, index) => place.append(...(index ? [", "] : []), linkTo(sound, visible(sound.blob_name)), ` (${sound.similarity})`));
  }
}

function leadOf({ count, comparable, laid_out: laidOut, kept, sounds, is_being_drawn: isBeingDrawn }) {
  const parts = ["Near means alike; far says little."];
  if (!sounds.length) return parts[0];
  if (sounds.length < comparable) parts.push(`${spaced(sounds.length)} of ${spaced(count)} sounds, a random sample.`);
  else parts.push(comparable < count ? `${spaced(comparable)} of ${spaced(count)} sounds: the others have no fingerprint to compare.` : `All ${spaced(count)} sounds.`);
  if (laidOut < sounds.length) parts.push(`${spaced(laidOut)} of them make the picture; each of the others is beside the one that is most like it.`);
  if (kept !== null) parts.push(`Of the ten sounds that are most like one, ${(kept * 10).toFixed(1)} are among the ten nearest to it here, on average.`);
  if (isBeingDrawn) parts.push("It is being drawn anew.");
  return parts.join(" ");
}

function describe(sound) {
  const level = typeof sound.rms_db === "number" ? `, ${sound.rms_db.toFixed(1).replace("-", "−")} dB` : "";
  return `${sound.blob_name}, ${lengthOf(sound.duration)}${level}`;
}

// As the list tells it.
function lengthOf(seconds) {
  if (typeof seconds !== "number") return "–";
  if (seconds > 0 && seconds < 0.01) return `${Number((seconds * 1000).toPrecision(2))} ms`;
  return seconds < 60 ? `${seconds.toFixed(seconds < 1 ? 2 : 1)} s` : clock(seconds);
}

function baseName(sound) {
  return sound.blob_name.slice(sound.blob_name.lastIndexOf("/") + 1);
}

function linkTo(sound, text) {
  const link = document.createElement("a");
  link.href = `/sounds/${sound.uid}`;
  link.textContent = text;
  return link;
}

function spot(colour) {
  const element = document.createElement("span");
  element.className = `spot ${colour}`;
  return element;
}

function rowOf(sound, colour) {
  const item = document.createElement("li");
  const row = document.createElement("div");
  row.className = "sound";
  Object.assign(row.dataset, { uid: sound.uid, name: sound.blob_name, duration: sound.duration ?? "" });
  const button = document.querySelector("#player-play").cloneNode(true);
  button.removeAttribute("id");
  button.dataset.play = "";
  button.classList.remove("playing");
  button.setAttribute("aria-label", `Play ${sound.blob_name}`);
  const facts = document.createElement("span");
  facts.className = "muted small number";
  facts.textContent = [sound.folder, describe(sound).slice(sound.blob_name.length + 2)].filter(Boolean).join(" ");
  const name = document.createElement("span");
  name.append(linkTo(sound, baseName(sound)), " ", facts);
  row.append(button, spot(colour), name);
  item.append(row);
  return item;
}
