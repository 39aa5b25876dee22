// The stretch of a sound that its pictures show, from ``from`` to ``to`` seconds of ``total``.

const SHORTEST_S = 1;

export class View {
  constructor(total) {
    this.total = total;
    this.from = 0;
    this.to = total;
    this.listeners = [];
  }

  get span() {
    return this.to - this.from;
  }

  get isWhole() {
    return this.span >= this.total;
  }

  // Show from a time to another: within the sound, and no less than can be seen.
  show(from, to) {
    const span = Math.min(Math.max(to - from, SHORTEST_S), this.total);
    const first = Math.min(Math.max((from + to - span) / 2, 0), this.total - span);
    if (first === this.from && first + span === this.to) return;
    this.from = first;
    this.to = span === this.total ? this.total : first + span;
    for (const listener of this.listeners) listener();
  }

  // Show so many times as much, and leave the time ``at`` where it is seen.
  zoom(factor, at) {
    const span = Math.min(Math.max(this.span * factor, SHORTEST_S), this.total);
    const from = at - this.shareOf(at) * span;
    const first = Math.min(Math.max(from, 0), this.total - span);
    this.show(first, first + span);
  }

  pan(seconds) {
    const first = Math.min(Math.max(this.from + seconds, 0), this.total - this.span);
    this.show(first, first + this.span);
  }

  // Show a time: in the middle, unless it is seen already.
  reach(seconds) {
    if (seconds < this.from || seconds > this.to) this.pan(seconds - (this.from + this.to) / 2);
  }

  shareOf(seconds) {
    return this.span > 0 ? (seconds - this.from) / this.span : 0;
  }

  secondsAt(share) {
    return this.from + Math.min(Math.max(share, 0), 1) * this.span;
  }

  onChange(listener) {
    this.listeners.push(listener);
  }
}
