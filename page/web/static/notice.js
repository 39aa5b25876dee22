// What is said above a list: what it has missed, what is new and has no place in it, and that there is no connection.

import { NO_CONNECTION, spaced } from "./texts.js";

const NONE = { added: 0, removed: 0 };

export class Notice {
  // ``settle()`` is called when what is not in the list is dismissed.
  constructor(main, list, settle) {
    Object.assign(this, { main, list, settle });
    this.merged = NONE; // what was missed and is in the list now, until it is dismissed
    this.offered = NONE; // what is not in the list, until it is dismissed
    this.wasSeen = false; // some of what is told has come while one looked
    this.wasUnseen = false; // the tab was not seen while it came
    this.isCut = false;
    this.box = main.querySelector("#missed");
    this.line = this.box.querySelector("[role=status]");
    const [newest, show, dismiss] = this.box.querySelectorAll("button, a");
    newest.addEventListener("click", () => this.goToNewest());
    dismiss.addEventListener("click", () => this.dismiss());
    Object.assign(this, { newest, show, dismissButton: dismiss });
  }

  miss(isCut) {
    this.wasUnseen ||= !isCut;
  }

  cut(isCut) {
    this.isCut = isCut;
    this.tell();
  }

  // Tell what was put into the list, beside what was told already.
  merge(change) {
    this.merged = sum(this.merged, change);
    this.offered = NONE;
    this.tell();
    this.forget();
  }

  // Tell all that has come and gone, and is not in the list.
  offer(change, isMissed) {
    const isOther = change.added !== this.offered.added || change.removed !== this.offered.removed;
    this.wasSeen ||= isOther && !isMissed;
    this.offered = change;
    this.tell();
    this.forget();
  }

  tell() {
    const { added, removed } = sum(this.merged, this.offered);
    const parts = [...(added ? [`${spaced(added)} new`] : []), ...(removed ? [`${spaced(removed)} removed`] : [])];
    const missed = this.wasUnseen ? "While you were away: " : "While there was no connection: ";
    const told = parts.length ? (this.wasSeen ? "" : missed) + parts.join(", ") : "";
    const text = this.isCut ? NO_CONNECTION : told;
    if (this.line.textContent !== text) this.line.textContent = text;
    const isToShow = this.offered.added + this.offered.removed > 0;
    this.newest.hidden = this.isCut || isToShow || !this.merged.added;
    this.show.hidden = this.isCut || !isToShow;
    this.dismissButton.hidden = this.isCut || !told;
    const address = new URL(location.href);
    const isOnFirst = this.offered.added > 0 && !address.searchParams.has("sort"); // where the newest are
    if (isOnFirst) address.searchParams.delete("after");
    this.show.href = address.pathname + address.search;
    this.box.className = text ? "notice missed" : "unseen";
  }

  // Where nothing is told, what is told later has come later.
  forget() {
    if (!this.line.textContent) this.wasSeen = this.wasUnseen = false;
  }

  goToNewest() {
    const first = this.list.querySelector("li");
    first?.scrollIntoView({ block: "center" });
    first?.querySelector("a, button")?.focus({ preventScroll: true });
    this.dismiss();
  }

  dismiss() {
    const hadFocus = this.box.contains(document.activeElement);
    this.settle();
    this.merged = this.offered = NONE;
    this.tell();
    this.forget();
    if (hadFocus) this.main.focus({ preventScroll: true });
  }
}

function sum(one, other) {
  return { added: one.added + other.added, removed: one.removed + other.removed };
}
