// How a list is brought up to date: the page is asked for it as it is now, and what is new is put into it, or offered.
//
// That is done once where the list has missed what was written, as its tab was not seen or there was no connection:
// however much that was, it is one page of the list and how many are new. And it is done when the list hears of what
// it cannot judge itself, as only the page knows what a filter selects: soon, but seldom while much is written.

import { Notice } from "./notice.js";
import { localTimes } from "./player.js";
import { RETRY_MS } from "./texts.js";

const SOON_MS = 100; // what comes together is asked for at once
const PAUSE_MS = 3000; // after an answer, until what was heard meanwhile is asked for
// Why the list is asked for: an event told of something, it was not told for a while, or the catalog was compared since.
const [HEARD, MISSED, COMPARED] = ["heard", "missed", "compared"];

export class Updates {
  // ``merge(page, isMissed)`` puts what is new in the list of a page into this one, and returns whether it has a place;
  // ``receive(event)`` is given what is told while the list is asked for.
  constructor(main, list, { merge, receive, signal }) {
    Object.assign(this, { list, merge, receive, signal });
    this.notice = new Notice(main, list, () => this.settle());
    this.due = null; // why the list is to be asked for
    this.isHearing = true;
    this.held = null; // events that come while the list is asked for
    this.came = new Set(); // uids that were put into the list as they were told, since ``seen``
    this.latest = null; // from which answer on it is told what is new, where what it brought is dismissed
    this.lacking = 0; // how many more there were than the list says when they were dismissed
    this.timer = 0;
    this.answeredAt = -Infinity;
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  // Whether an event is not to be shown: because what it tells is in the list that will be asked for, or not yet.
  takes(event) {
    const isInList = this.due !== null && !(this.due === HEARD && "live" in this.list.dataset);
    if (!isInList) this.held?.push(event);
    return isInList || this.held !== null;
  }

  // Something was told that may concern the list, or what stands around it.
  hear() {
    if (this.due && this.due !== HEARD) return;
    this.due = HEARD;
    this.askIn(Math.max(SOON_MS, this.answeredAt + PAUSE_MS - performance.now()));
  }

  miss(isCut) {
    this.due = MISSED;
    this.isHearing = false;
    this.notice.miss(isCut);
    clearTimeout(this.timer); // it is asked for when it is seen, or there is a connection
  }

  catchUp() {
    if (this.isHearing) return;
    this.isHearing = true;
    this.update();
  }

  cut(isCut) {
    this.notice.cut(isCut);
  }

  askIn(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), ms);
  }

  async update() {
    if (!this.due || !this.isHearing || this.held) return;
    clearTimeout(this.timer);
    const { due } = this;
    this.due = null;
    this.held = [];
    const page = await this.ask();
    if (this.signal.aborted) return;
    const { held } = this;
    this.held = null;
    this.answeredAt = performance.now();
    const isHeard = this.due === HEARD; // more was told meanwhile, which the answer may lack
    if (this.due && !isHeard) return this.update(); // or was missed
    if (!page) {
      this.due = due;
      return this.askIn(RETRY_MS);
    }
    this.take(page, due !== HEARD);
    held.forEach(this.receive);
    if (isHeard) this.askIn(PAUSE_MS);
    if (due === MISSED) this.lookAgain();
  }

  // What was removed while nobody looked is known only when the page has compared its catalog with the collection.
  async lookAgain() {
    const { signal } = this;
    const asked = fetch("/catalog.json?wait=1", { signal }).then((answer) => answer.json());
    const progress = await asked.catch(() => null);
    if (signal.aborted || !progress?.was_due || this.due === MISSED) return;
    this.due = COMPARED;
    this.update();
  }

  // Return the list as it is now, null where it does not come, or not all of it.
  async ask() {
    const address = new URL(location.href);
    address.searchParams.set("seen", this.list.dataset.seen);
    try {
      const answer = await fetch(address, { signal: this.signal, cache: "no-store", headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      return page.getElementById("list") && !page.querySelector("[data-filling]") ? page : null;
    } catch {
      return null;
    }
  }

  take(page, isMissed) {
    const fresh = page.getElementById("list");
    const now = countOf(page);
    const before = countOf(document) + this.lacking;
    // Another process of the page may not know what was seen; then it is what the numbers say.
    const told = fresh.dataset.new;
    let added = told === undefined ? Math.max(now - before, 0) : Math.max(Number(told) - this.came.size, 0);
    let removed = before + added - now;
    if (removed < 0) [added, removed] = [added - removed, 0]; // such as those whose file is there again
    localTimes(fresh);
    this.latest = { seen: fresh.dataset.seen, lacking: now - countOf(document), came: [...this.came] };
    if (!this.merge(page, isMissed)) return this.notice.offer({ added, removed }, isMissed);
    this.latest.lacking = 0;
    this.settle();
    this.notice.merge(isMissed ? { added, removed } : { added: 0, removed: 0 });
  }

  // From now on tell what comes after the last answer.
  settle() {
    if (!this.latest) return;
    this.list.dataset.seen = this.latest.seen;
    this.lacking = this.latest.lacking;
    for (const uid of this.latest.came) this.came.delete(uid);
  }
}

// Return how many sounds or rejections a page says that there are.
export function countOf(page) {
  return Number(page.getElementById("count").textContent.replace(/\D/g, ""));
}
