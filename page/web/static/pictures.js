// Waveform and spectrogram of the stretch that is seen: at once from what is there, and soon as they are drawn for it.

import { NO_ANSWER, RETRY_MS } from "./texts.js";

const SETTLE_MS = 200; // without another change, before pictures are asked for
const COLUMNS = 1000;
const HEIGHT = 256; // of a waveform's box
const FULL_SCALE = 32767;
const LOWEST_DB = -60; // of a waveform in dB
const MOST_TIMES = 60; // as wide as the window a picture is stretched at most
const SVG = "http://www.w3.org/2000/svg";

// Return the path of a waveform: a line for each column, full scale the whole height, or in dB down to LOWEST_DB.
export function pathOf(low, high, isInDb) {
  const levelOf = (value) => {
    if (!isInDb) return value / FULL_SCALE;
    const db = 20 * Math.log10(Math.abs(value) / FULL_SCALE || 1e-9);
    return Math.sign(value) * Math.min(Math.max(1 - db / LOWEST_DB, 0), 1);
  };
  const middle = HEIGHT / 2;
  return low.map((value, x) => {
    const top = Math.min(middle - levelOf(high[x]) * middle, middle - 1);
    const bottom = Math.max(middle - levelOf(value) * middle, middle + 1);
    return `M${x}.5 ${top.toFixed(1)}V${bottom.toFixed(1)}`;
  }).join("");
}

// Called whenever the page of a sound is shown; ``view`` says which stretch is seen.
export function showPictures(one, view, signal) {
  const wave = one.querySelector("#seek .wave");
  const spectrogram = one.querySelector("#spectrogram");
  const pitches = spectrogram.querySelector(".pitches");
  const busy = one.querySelector("#busy");
  const inDb = one.querySelector("#in-db");
  const levels = one.querySelector("#levels");
  const first = wave.querySelector("svg"); // the whole waveform, as the page came with it
  const address = `/sounds/${one.dataset.uid}`;
  let asked = new AbortController();
  let timer = 0;
  let wholeTimer = 0;
  let whole = null; // the whole spectrogram, as soon as it is there
  let detail = null; // { from, to, picture, peaks } of the stretch that was drawn last
  let shownOf = { from: 0, to: view.total }; // the stretch of the waveform that is drawn, more than is seen
  let wholePeaks = null; // of the whole sound, as soon as they are there

  // Place what shows a stretch where it is seen, if any of it is.
  function place(element, { from, to }) {
    const [left, right] = [view.shareOf(from), view.shareOf(to)];
    element.hidden = right <= 0 || left >= 1 || right - left > MOST_TIMES;
    element.style.left = `${left * 100}%`;
    element.style.width = `${(right - left) * 100}%`;
  }

  function drawWave() {
    const ofDetail = detail?.peaks && detail.from <= view.from + 1e-6 && detail.to >= view.to - 1e-6;
    const peaks = ofDetail ? detail.peaks : inDb.checked ? wholePeaks : null;
    const of = ofDetail ? detail : { from: 0, to: view.total };
    const key = peaks ? `${of.from} ${of.to} ${inDb.checked}` : "";
    let svg = wave.querySelector("svg");
    if (!svg) return;
    if (!peaks && svg !== first) svg.replaceWith(first);
    if (peaks && svg.dataset.key !== key) {
      const drawn = document.createElementNS(SVG, "svg");
      for (const [name, value] of Object.entries({ class: "wave-svg", preserveAspectRatio: "none", "aria-hidden": "true" })) drawn.setAttribute(name, value);
      drawn.dataset.key = key;
      drawn.dataset.columns = peaks.low.length;
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", pathOf(peaks.low, peaks.high, inDb.checked));
      const played = path.cloneNode();
      played.setAttribute("class", "played");
      drawn.append(path, played);
      svg.replaceWith(drawn);
    }
    svg = wave.querySelector("svg");
    const columns = Number(svg.dataset.columns ?? svg.getAttribute("viewBox").split(" ")[2]);
    svg.dataset.columns = columns;
    const scale = columns / (of.to - of.from || 1);
    svg.setAttribute("viewBox", `${(view.from - of.from) * scale} 0 ${view.span * scale || columns} ${HEIGHT}`);
    shownOf = of;
    levels.hidden = !(inDb.checked && peaks);
  }

  function show() {
    if (whole) place(whole, { from: 0, to: view.total });
    if (detail?.picture) place(detail.picture, detail);
    drawWave();
  }

  async function fetchPeaks(query, ends) {
    const answer = await fetch(`${address}/peaks.json?width=${COLUMNS}${query}`, { signal: ends, headers: { Accept: "application/json" } });
    if (!answer.ok) throw await answer.json();
    return answer.json();
  }

  async function ask() {
    asked.abort();
    asked = new AbortController();
    const ends = AbortSignal.any([asked.signal, signal]);
    busy.hidden = true;
    try {
      if (view.isWhole) {
        if (inDb.checked && !wholePeaks) wholePeaks = await fetchPeaks("", ends);
        return;
      }
      const stretch = { from: Math.floor(view.from * 1000) / 1000, to: Math.ceil(view.to * 1000) / 1000 };
      if (detail && Math.abs(detail.from - stretch.from) < 1e-6 && Math.abs(detail.to - stretch.to) < 1e-6) return;
      busy.textContent = "drawing …";
      busy.hidden = false;
      const query = `&from=${stretch.from}&to=${stretch.to}`;
      const picture = load(`${address}/spectrogram.png?width=${COLUMNS}${query}`, ends);
      const [peaks] = await Promise.all([fetchPeaks(query, ends), picture.isThere]);
      if (ends.aborted) return;
      detail?.picture.remove();
      detail = { from: peaks.from, to: peaks.to, peaks, picture: picture.image };
      pitches.before(picture.image);
      pitches.hidden = false;
      busy.hidden = true;
    } catch (problem) {
      if (ends.aborted) return;
      busy.hidden = false;
      busy.textContent = problem.title ? `${problem.title}. ${problem.advice}` : NO_ANSWER;
      if (!problem.title) timer = setTimeout(ask, RETRY_MS);
    } finally {
      if (!ends.aborted) show();
    }
  }

  function load(source, ends) {
    const image = new Image();
    const isThere = new Promise((resolve, reject) => {
      image.addEventListener("load", resolve);
      image.addEventListener("error", reject);
      ends.addEventListener("abort", () => {
        if (!image.complete) image.removeAttribute("src"); // which ends the request
        resolve();
      });
    });
    image.alt = "";
    image.src = source;
    return { image, isThere };
  }

  async function loadWhole() {
    const { image, isThere } = load(`${address}/spectrogram.png`, signal);
    const line = spectrogram.querySelector(".loading");
    try {
      await isThere;
      if (signal.aborted) return;
      image.alt = "Spectrogram: time from left to right, pitch from low at the bottom to high at the top, bright is loud";
      line.replaceWith(image);
      whole = image;
      pitches.hidden = false;
      show();
    } catch {
      const problem = await problemOf(image.src).catch(() => null);
      if (signal.aborted) return;
      line.textContent = problem ?? NO_ANSWER;
      if (!problem) wholeTimer = setTimeout(loadWhole, RETRY_MS);
    }
  }

  // Return what the page says of a picture that does not come.
  async function problemOf(source) {
    const answer = await fetch(source, { signal, headers: { Accept: "application/json" } });
    const { title, advice } = await answer.json();
    return `${title}. ${advice}`;
  }

  function change() {
    show();
    clearTimeout(timer);
    timer = setTimeout(ask, SETTLE_MS);
  }

  inDb.checked = localStorage.getItem("waveform") === "dB";
  inDb.addEventListener("change", () => {
    localStorage.setItem("waveform", inDb.checked ? "dB" : "linear");
    change();
  });
  view.onChange(change);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    clearTimeout(wholeTimer);
  });
  loadWhole();
  if (inDb.checked) ask();
  return { playedShare: (seconds) => (seconds - shownOf.from) / (shownOf.to - shownOf.from || 1) };
}
