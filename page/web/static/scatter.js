// Points on a canvas that is moved and zoomed: by pointer, wheel, two fingers, buttons and keys.
//
// A point has x and y from 0 to 1, y upwards, and the name of its colour. What is told of a view is in pixels of the canvas.

const EDGE = 20;
const MOST = 400; // times as large as the whole
const STEP = 1.6; // of a button or a key
const NEAR = { mouse: 9, pen: 9, touch: 20 }; // pixels around the pointer in which points are meant
const DRAGGED = 5; // pixels from which on a press is no click
const LABELLED = 40; // as many points in view have their names beside them

export class ScatterPlot {
  // ``told`` has functions: over(indices, x, y) of those under the pointer, the nearest first; pick(indices) of those
  // that were clicked; moved() after each change of the view.
  constructor(plane, canvas, told, signal) {
    this.plane = plane;
    this.canvas = canvas;
    this.told = told;
    this.points = [];
    this.marked = -1;
    this.pointers = new Map();
    this.isDragged = false;
    this.view = null;
    const on = (type, action, options = {}) => plane.addEventListener(type, action, { signal, ...options });
    on("wheel", (event) => this.#wheel(event), { passive: false });
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#release(event, true));
    on("pointercancel", (event) => this.#release(event, false));
    on("pointerleave", () => this.pointers.size || told.over([], 0, 0));
    for (const colours of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(colours).addEventListener("change", () => this.draw(), { signal });
    }
    const size = new ResizeObserver(() => this.#resize());
    size.observe(plane);
    signal.addEventListener("abort", () => size.disconnect());
  }

  // Show points; a part of them that is seen stays where it is, and all stay all.
  show(points) {
    const { zoom } = this;
    this.points = points;
    const [xs, ys] = ["x", "y"].map((axis) => points.map((point) => point[axis]));
    this.box = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.#resize(zoom);
  }

  get zoom() {
    return this.view ? this.view.scale / this.#whole().scale : 1;
  }

  // Zoom by a factor around a place of the canvas, its middle where none is given.
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const whole = this.#whole();
    const scale = Math.min(Math.max(this.view.scale * factor, whole.scale), whole.scale * MOST);
    const [atX, atY] = this.#world(x, y);
    this.view = { scale, x: atX - (x - this.width / 2) / scale, y: atY + (y - this.height / 2) / scale };
    this.#keepInside();
  }

  zoomIn() {
    this.zoomBy(STEP);
  }

  zoomOut() {
    this.zoomBy(1 / STEP);
  }

  zoomToAll() {
    this.view = this.#whole();
    this.#keepInside();
  }

  place(index) {
    const { scale, x, y } = this.view;
    const point = this.points[index];
    return [(point.x - x) * scale + this.width / 2, this.height / 2 - (point.y - y) * scale];
  }

  isInView(index) {
    const [x, y] = this.place(index);
    return x >= 0 && x <= this.width && y >= 0 && y <= this.height;
  }

  // Mark a point, and bring it into view.
  mark(index) {
    this.marked = index;
    if (index >= 0 && !this.isInView(index)) {
      this.view = { ...this.view, x: this.points[index].x, y: this.points[index].y };
      this.#keepInside();
    } else this.draw();
  }

  // Return the points within some pixels of a place, the nearest first.
  near(x, y, pixels) {
    const { scale } = this.view;
    const [atX, atY] = this.#world(x, y);
    const most = (pixels / scale) ** 2;
    const found = [];
    for (let index = 0; index < this.points.length; index++) {
      const far = (this.points[index].x - atX) ** 2 + (this.points[index].y - atY) ** 2;
      if (far <= most) found.push([far, index]);
    }
    return found.sort(([one], [other]) => one - other).map(([, index]) => index);
  }

  // Draw before the next frame, once.
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.#draw();
    });
  }

  #draw() {
    if (!this.view) return;
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const ratio = this.canvas.width / this.width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const radius = this.#radius();
    const byColour = new Map();
    const inView = [];
    for (let index = 0; index < this.points.length; index++) {
      const [x, y] = this.place(index);
      if (x < -radius || x > this.width + radius || y < -radius || y > this.height + radius) continue;
      const { colour } = this.points[index];
      if (!byColour.has(colour)) byColour.set(colour, []);
      byColour.get(colour).push(x, y);
      inView.push(index);
    }
    context.strokeStyle = style.getPropertyValue("--card");
    context.lineWidth = 1;
    // What has no colour of its own is below what has, and the most frequent kind above all.
    for (const colour of [...byColour.keys()].sort((one, other) => (one.endsWith("rest") ? -1 : other.endsWith("rest") ? 1 : other.localeCompare(one)))) {
      const places = byColour.get(colour);
      context.fillStyle = style.getPropertyValue(`--${colour}`);
      context.globalAlpha = 0.82;
      context.beginPath();
      for (let at = 0; at < places.length; at += 2) {
        context.moveTo(places[at] + radius, places[at + 1]);
        context.arc(places[at], places[at + 1], radius, 0, 2 * Math.PI);
      }
      context.fill();
      if (radius > 3) context.stroke();
    }
    context.globalAlpha = 1;
    if (inView.length <= LABELLED) this.#label(context, style, inView, radius);
  }

  // Write the names beside their points, where there is room.
  #label(context, style, indices, radius) {
    const size = parseFloat(style.fontSize);
    context.font = `${size}px ${style.fontFamily}`;
    context.textBaseline = "middle";
    context.fillStyle = style.getPropertyValue("--ink");
    context.lineJoin = "round";
    context.lineWidth = 3;
    const taken = indices.map((index) => this.place(index)).map(([x, y]) => [x - radius, y - radius, x + radius, y + radius]);
    for (const index of indices) {
      const [x, y] = this.place(index);
      const { label } = this.points[index];
      const width = context.measureText(label).width;
      const isFree = ([left, top, right, bottom]) => taken.every((box) => right < box[0] || left > box[2] || bottom < box[1] || top > box[3]);
      const left = [x + radius + 4, x - radius - 4 - width].find(
        (start) => start >= 2 && start + width <= this.width - 2 && isFree([start, y - 0.6 * size, start + width, y + 0.6 * size]),
      );
      if (left === undefined) continue;
      taken.push([left, y - 0.6 * size, left + width, y + 0.6 * size]);
      context.strokeText(label, left, y);
      context.fillText(label, left, y);
    }
  }

  #radius() {
    const n = this.points.length;
    const least = n > 5000 ? 2 : n > 1000 ? 3 : n > 300 ? 4 : n > 100 ? 5.5 : 7;
    return Math.min(least * Math.min(Math.max(this.width / 700, 0.6), 1) * this.zoom ** 0.4, 9);
  }

  #world(x, y) {
    const { scale } = this.view;
    return [this.view.x + (x - this.width / 2) / scale, this.view.y - (y - this.height / 2) / scale];
  }

  #whole() {
    const [left, right, low, high] = this.box;
    const scale = Math.min((this.width - 2 * EDGE) / (right - left || 1), (this.height - 2 * EDGE) / (high - low || 1));
    return { scale: Math.max(scale, 1), x: (left + right) / 2, y: (low + high) / 2 };
  }

  // The middle of the view is among the points, and there is nothing smaller than the whole.
  #keepInside() {
    const whole = this.#whole();
    if (this.view.scale <= whole.scale * 1.001) this.view = whole;
    const [left, right, low, high] = this.box;
    this.view.x = Math.min(Math.max(this.view.x, left), right);
    this.view.y = Math.min(Math.max(this.view.y, low), high);
    // One finger scrolls the page while all is seen, and moves the picture after that.
    this.plane.classList.toggle("zoomed", this.view.scale > whole.scale);
    this.draw();
    this.told.moved();
  }

  #resize(zoom = this.zoom) {
    const { clientWidth: width, clientHeight: height } = this.plane;
    if (!this.points.length || !width || !height) return; // what is not laid out has no zoom
    Object.assign(this, { width, height });
    this.canvas.width = Math.round(this.width * devicePixelRatio);
    this.canvas.height = Math.round(this.height * devicePixelRatio);
    const whole = this.#whole();
    this.view = this.view && zoom > 1 ? { ...this.view, scale: whole.scale * zoom } : whole;
    this.#keepInside();
  }

  #wheel(event) {
    if (!this.view || (event.deltaY > 0 && this.zoom <= 1)) return; // the page scrolls on
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const [x, y] = this.#at(event);
    this.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), x, y);
    this.told.over(this.near(x, y, NEAR.mouse), x, y);
  }

  #press(event) {
    if (!this.view || event.button) return;
    if (!this.pointers.size) this.isDragged = false;
    this.pointers.set(event.pointerId, this.#at(event));
    this.began = this.#at(event);
  }

  #move(event) {
    if (!this.view) return;
    const [x, y] = this.#at(event);
    if (!this.pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") this.told.over(this.near(x, y, NEAR.mouse), x, y);
      return;
    }
    const before = this.#centre();
    this.pointers.set(event.pointerId, [x, y]);
    if (this.pointers.size === 1 && !this.isDragged) {
      if (Math.hypot(x - this.began[0], y - this.began[1]) < DRAGGED) return;
      this.plane.setPointerCapture(event.pointerId);
    }
    this.isDragged = true;
    const after = this.#centre();
    this.view.x -= (after.x - before.x) / this.view.scale;
    this.view.y += (after.y - before.y) / this.view.scale;
    if (this.pointers.size > 1 && before.extent > 0) this.zoomBy(after.extent / before.extent, after.x, after.y);
    else this.#keepInside();
    this.told.over([], x, y);
  }

  #release(event, isClick) {
    if (!this.pointers.delete(event.pointerId) || !isClick || this.isDragged || this.pointers.size) return;
    this.told.pick(this.near(...this.#at(event), NEAR[event.pointerType] ?? NEAR.mouse));
  }

  // The middle of the fingers, and how far they are from it.
  #centre() {
    const places = [...this.pointers.values()];
    const [x, y] = [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
    return { x, y, extent: places.reduce((sum, place) => sum + Math.hypot(place[0] - x, place[1] - y), 0) };
  }

  #at(event) {
    const box = this.plane.getBoundingClientRect();
    return [event.clientX - box.left - this.plane.clientLeft, event.clientY - box.top - this.plane.clientTop];
  }
}
