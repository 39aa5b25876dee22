// Zooming by pointer: a drag chooses a stretch, the wheel and two fingers zoom, one finger and the wheel sideways go on.

const DRAG_PX = 5; // a pointer that moves less is a click
const SCROLL_MS = 400; // a wheel that has scrolled the page so shortly before goes on scrolling it
const WHEEL_STEP = 0.0025; // of a doubling, for each pixel

// ``surface`` shows ``view``; ``go`` is called with the seconds of a click.
export function zoomByPointer(surface, view, go, signal) {
  const pointers = new Map(); // where each pointer that is pressed is now
  const chosen = surface.querySelector(".chosen");
  let pressed = null; // { x, from, to }: where the first pointer was pressed, and what was shown then
  let isDrag = false;
  let scrolledAt = -Infinity;

  function shareAt(clientX) {
    const box = surface.getBoundingClientRect();
    return (clientX - box.left - surface.clientLeft) / surface.clientWidth;
  }

  function press(event) {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event.clientX);
    if (pointers.size === 1) isDrag = false;
    pressed = { x: event.clientX, from: view.from, to: view.to, pinch: pinch() };
  }

  function pinch() {
    if (pointers.size !== 2) return null;
    const [one, other] = [...pointers.values()].map(shareAt);
    return { middle: (one + other) / 2, width: Math.max(Math.abs(one - other), 0.01) };
  }

  function move(event) {
    if (!pointers.has(event.pointerId)) return;
    pointers.set(event.pointerId, event.clientX);
    if (Math.abs(event.clientX - pressed.x) > DRAG_PX) isDrag = true;
    if (!isDrag) return;
    const span = pressed.to - pressed.from;
    if (pressed.pinch && pointers.size === 2) {
      const now = pinch();
      const at = pressed.from + pressed.pinch.middle * span;
      const nowSpan = (span * pressed.pinch.width) / now.width;
      view.show(at - now.middle * nowSpan, at + (1 - now.middle) * nowSpan);
    } else if (event.pointerType === "touch") {
      const by = (shareAt(pressed.x) - shareAt(event.clientX)) * span;
      view.show(pressed.from + by, pressed.to + by);
    } else {
      const ends = [shareAt(pressed.x), shareAt(event.clientX)].map((share) => Math.min(Math.max(share, 0), 1));
      chosen.style.left = `${Math.min(...ends) * 100}%`;
      chosen.style.width = `${Math.abs(ends[0] - ends[1]) * 100}%`;
      chosen.hidden = false;
    }
  }

  function release(event) {
    if (!pointers.delete(event.pointerId)) return;
    chosen.hidden = true;
    if (event.type === "pointercancel") return;
    if (!isDrag) go(view.secondsAt(shareAt(event.clientX)));
    else if (event.pointerType !== "touch") {
      const ends = [shareAt(pressed.x), shareAt(event.clientX)].map((share) => view.secondsAt(share));
      view.show(Math.min(...ends), Math.max(...ends));
    }
  }

  function wheel(event) {
    const isScroll = event.timeStamp - scrolledAt < SCROLL_MS && !event.ctrlKey;
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    const isOut = event.deltaY > 0;
    if (isScroll || (view.isWhole && (isOut || sideways))) {
      scrolledAt = event.timeStamp;
      return;
    }
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) {
      view.pan(((sideways * pixels) / surface.clientWidth) * view.span);
    } else view.zoom(2 ** (event.deltaY * pixels * WHEEL_STEP * (event.ctrlKey ? 4 : 1)), view.secondsAt(shareAt(event.clientX)));
  }

  surface.addEventListener("pointerdown", press);
  surface.addEventListener("pointermove", move);
  surface.addEventListener("pointerup", release);
  surface.addEventListener("pointercancel", release);
  surface.addEventListener("wheel", wheel, { passive: false });
  addEventListener("wheel", (event) => {
    if (!surface.contains(event.target)) scrolledAt = event.timeStamp;
  }, { passive: true, signal });
}

// The overview shows the whole sound and which stretch of it is seen; a press or a drag there moves that stretch.
export function moveByOverview(overview, view) {
  const shown = overview.querySelector(".shown");

  function move(event) {
    if (!overview.hasPointerCapture(event.pointerId)) return;
    const box = overview.getBoundingClientRect();
    const middle = ((event.clientX - box.left) / box.width) * view.total;
    view.pan(middle - (view.from + view.to) / 2);
  }

  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    move(event);
  });
  overview.addEventListener("pointermove", move);
  view.onChange(() => {
    overview.hidden = view.isWhole;
    shown.style.left = `${(view.from / view.total) * 100}%`;
    shown.style.width = `${(view.span / view.total) * 100}%`;
  });
}
