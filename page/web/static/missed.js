// What a list has missed, while its tab was not seen or there was no connection, is told once, in a notice above it.
//
// The page is asked for the list as it is now: however much was written, that is one page of it and how many are new.

import { localTimes } from "./player.js";
import { NO_CONNECTION, RETRY_MS, spaced } from "./texts.js";

export class Missed {
  // ``merge(page, number)`` puts what is new in the list of a page into this one, and returns whether it has a place.
  constructor(main, list, merge, signal) {
    this.list = list;
    this.merge = merge;
    this.signal = signal;
    this.isMissing = false;
    this.retrying = 0;
    this.held = null; // events that come while the list is asked for
    this.wasUnseen = false;
    this.isCut = false;
    this.merged = { added: 0, removed: 0 }; // what is in the list, until it was dismissed
    this.unmerged = { added: 0, removed: 0 };
    this.came = new Set(); // uids that have come while one looked, since the list was asked for
    this.notice = main.querySelector("#missed");
    const [newest, show, dismiss] = this.notice.querySelectorAll("button, a");
    newest.addEventListener("click", () => this.goToNewest());
    dismiss.addEventListener("click", () => this.dismiss());
    Object.assign(this, { newest, show, dismissButton: dismiss });
  }

  // Whether an event is not to be shown: because what it tells is in the list that will be asked for, or not yet.
  takes(event) {
    if (this.isMissing) return true;
    this.held?.push(event);
    return this.held !== null;
  }

  miss(isCut) {
    this.isMissing = true;
    this.wasUnseen ||= !isCut;
    clearTimeout(this.retrying); // it catches up when it is seen, or there is a connection
  }

  cut(isCut) {
    this.isCut = isCut;
    this.tell();
  }

  // Bring the list up to date, and give ``receive`` what came meanwhile.
  async catchUp(receive, isAgain = false) {
    if (!this.isMissing || this.held || this.signal.aborted) return;
    this.isMissing = false;
    this.held = [];
    const page = await this.ask();
    if (this.signal.aborted) return;
    const { held } = this;
    this.held = null;
    if (!page) {
      if (!this.isMissing) this.retrying = setTimeout(() => this.catchUp(receive, isAgain), RETRY_MS);
      this.isMissing = true;
      return;
    }
    this.take(page);
    held.forEach(receive);
    if (!isAgain) this.lookAgain(receive);
  }

  // What was removed while nobody looked is known only when the page has compared its catalog with the collection.
  async lookAgain(receive) {
    const progress = await fetch("/catalog.json?wait=1", { signal: this.signal }).then((answer) => answer.json(), () => null);
    if (this.signal.aborted || !progress?.was_due || this.isMissing || this.held) return;
    this.isMissing = true;
    this.catchUp(receive, true);
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

  take(page) {
    const fresh = page.getElementById("list");
    const now = countOf(page);
    const before = countOf(document);
    // Another process of the page may not know what was seen; then it is what the numbers say.
    const told = fresh.dataset.new;
    let added = told === undefined ? Math.max(now - before, 0) : Math.max(Number(told) - this.came.size, 0);
    let removed = before + added - now;
    if (removed < 0) [added, removed] = [added - removed, 0]; // such as those whose file is there again
    localTimes(fresh);
    if ("live" in this.list.dataset && this.merge(page, now)) {
      this.list.dataset.seen = fresh.dataset.seen;
      this.came.clear();
      this.merged = { added: this.merged.added + added, removed: this.merged.removed + removed };
      this.unmerged = { added: 0, removed: 0 };
    } else this.unmerged = { added, removed };
    this.tell();
    if (!this.notice.querySelector("[role=status]").textContent) this.wasUnseen = false;
  }

  tell() {
    const added = this.merged.added + this.unmerged.added;
    const removed = this.merged.removed + this.unmerged.removed;
    const parts = [...(added ? [`${spaced(added)} new`] : []), ...(removed ? [`${spaced(removed)} removed`] : [])];
    const lead = this.wasUnseen ? "While you were away" : "While there was no connection";
    const text = this.isCut ? NO_CONNECTION : parts.length ? `${lead}: ${parts.join(", ")}` : "";
    const line = this.notice.querySelector("[role=status]");
    if (line.textContent !== text) line.textContent = text;
    const isToShow = this.unmerged.added + this.unmerged.removed > 0;
    this.newest.hidden = this.isCut || isToShow || !this.merged.added;
    this.show.hidden = this.isCut || !isToShow;
    this.dismissButton.hidden = this.isCut || !parts.length;
    const address = new URL(location.href);
    if (this.unmerged.added) address.searchParams.delete("after"); // what is new is on the first page
    this.show.href = address.pathname + address.search;
    this.notice.className = text ? "notice missed" : "unseen";
  }

  goToNewest() {
    const first = this.list.querySelector("li");
    first?.scrollIntoView({ block: "center" });
    first?.querySelector("a, button")?.focus({ preventScroll: true });
    this.dismiss();
  }

  dismiss() {
    const hadFocus = this.notice.contains(document.activeElement);
    this.merged = { added: 0, removed: 0 };
    this.unmerged = { added: 0, removed: 0 };
    this.wasUnseen = false;
    this.tell();
    if (hadFocus) document.getElementById("main").focus({ preventScroll: true });
  }
}

function countOf(page) {
  return Number(page.getElementById("count").textContent.replace(/\D/g, ""));
}
