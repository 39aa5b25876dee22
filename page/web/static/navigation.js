// A link to another page replaces <main> and leaves the rest of the document as it is, so that the music goes on.
//
// A module of a page exports start(main, signal), which is called whenever its page is shown: at its top level a module
// is run once only, however often its page is shown. What it listens to outside of main, its timers and its requests
// end with the signal, which is aborted when another page takes the place. Where a page cannot be replaced like this,
// and in browsers without the Navigation API (before Chrome 102, Safari 26.2, Firefox 147), it is loaded as without
// JavaScript.

import { announce, localTimes, show } from "./player.js";

const PAGES = /^\/(rejections|map|duplicates|similar|sounds\/[^/]+)?$/; // the addresses of pages
const KEPT = 100; // places
const places = new Map(readPlaces()); // how far each page of the history was scrolled, and which link had the focus
let leaving = new AbortController();
let redirectedTo = null;

// Show the page of this address as it is now.
export function refresh() {
  if (window.navigation) navigation.navigate(location.href, { history: "replace" });
  else location.reload();
}

// A reload does not lose how far the pages before and after it were scrolled.
function readPlaces() {
  try {
    return JSON.parse(sessionStorage.getItem("places")) ?? [];
  } catch {
    return [];
  }
}

async function start(page) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const main = document.getElementById("main");
  for (const script of page.querySelectorAll("head script[type=module]")) {
    const module = await import(script.src);
    if (signal.aborted) return;
    module.start?.(main, signal);
  }
}

function navigate(event) {
  const { destination, navigationType } = event;
  const to = new URL(destination.url);
  const isWithin = destination.sameDocument && navigationType !== "traverse"; // history.pushState and the like
  const isOther = event.hashChange || event.downloadRequest !== null || event.formData || navigationType === "reload";
  if (!event.canIntercept || isWithin || isOther || !PAGES.test(to.pathname)) return;
  const link = document.activeElement?.closest("main a[href]")?.getAttribute("href");
  places.set(navigation.currentEntry.key, { top: scrollY, link });
  const place = navigationType === "traverse" ? places.get(destination.key) : undefined;
  event.intercept({ handler: () => replace(to, event.signal, place), focusReset: "manual", scroll: "manual" });
}

async function replace(to, signal, place) {
  const old = document.getElementById("main");
  old.setAttribute("aria-busy", "true");
  let page;
  try {
    const answer = await fetch(to, { signal, headers: { Accept: "text/html" } });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
    redirectedTo = answer.redirected ? answer.url : null;
    if (!page.querySelector(`script[src="${new URL(import.meta.url).pathname}"]`)) throw new TypeError("another page");
  } catch (error) {
    if (signal.aborted) throw error;
    location.reload(); // the address is that of the new page already
    return new Promise(() => {});
  }
  const chosen = document.activeElement?.closest("main select[id]")?.id;
  const main = document.adoptNode(page.getElementById("main"));
  localTimes(main);
  old.replaceWith(main);
  document.querySelector(".foot").replaceChildren(...page.querySelector(".foot").childNodes);
  const here = page.querySelector(".top nav a[aria-current]")?.getAttribute("href");
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.getAttribute("href") === here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = page.title;
  announce(page.title);
  show();
  const links = [...main.querySelectorAll("a[href]")];
  const left = links.find((link) => link.getAttribute("href") === place?.link);
  (left ?? (chosen && document.getElementById(chosen)) ?? main).focus({ preventScroll: true });
  scrollTo(0, 0);
  const started = start(page);
  if (place) keepPlace(place.top, main, leaving.signal);
  await started;
}

// Scroll to where the page was left, again as it grows, until somebody scrolls.
function keepPlace(top, main, signal) {
  const stop = new AbortController();
  const until = { signal: AbortSignal.any([signal, stop.signal]), passive: true };
  const growth = new ResizeObserver(() => {
    scrollTo(0, top);
    if (scrollY >= Math.floor(top)) stop.abort();
  });
  for (const type of ["wheel", "touchstart", "pointerdown", "keydown"]) addEventListener(type, () => stop.abort(), until);
  until.signal.addEventListener("abort", () => growth.disconnect());
  growth.observe(main);
}

window.navigation?.addEventListener("navigate", navigate);
window.navigation?.addEventListener("navigatesuccess", () => {
  if (redirectedTo) history.replaceState(null, "", redirectedTo); // only now, as it would end the navigation
  redirectedTo = null;
});
addEventListener("pagehide", () => sessionStorage.setItem("places", JSON.stringify([...places].slice(-KEPT))));
start(document);
