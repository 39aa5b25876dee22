// What holds in every state of the page, as functions that return what is against it: a line of text for each finding.

const laws = (() => {
  const describe = (element) => {
    const name = element.id ? `#${element.id}` : [element.localName, ...element.classList].join(".");
    return `${element.parentElement?.id ? `#${element.parentElement.id} ` : ""}${name} "${(element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 40)}"`;
  };
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const ancestors = (element) => (element ? [element, ...ancestors(element.parentElement)] : []);
  const layerOf = (element) => element.closest("dialog[open], #player, #missed, .tip, .under, .pitches, .levels, .busy, .skip") ?? document.body;
  const isForEars = (element) => ancestors(element).some((one) => one.matches(".skip") || getComputedStyle(one).clipPath === "inset(50%)");

  // The rectangles of all text that is seen, with its elements.
  function texts() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement: element, data } = walker.currentNode;
      if (!data.trim() || element.closest("script, style, noscript, select, textarea") || !isSeen(element) || isForEars(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      for (const box of range.getClientRects()) if (box.width && box.height) found.push({ element, box, node: walker.currentNode });
    }
    return found;
  }

  function controls() {
    return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(
      (one) => isSeen(one) && !one.disabled && !isForEars(one),
    );
  }

  // Nothing is wider than the window, nothing is cut, and no text lies over other text.
  function layout() {
    const found = [];
    const { scrollWidth } = document.scrollingElement;
    if (scrollWidth > innerWidth) found.push(`the page is ${scrollWidth} wide`);
    const seen = texts();
    for (const { element, box } of [...seen, ...controls().map((element) => ({ element, box: element.getBoundingClientRect() }))]) {
      let { left, right } = box;
      for (const one of ancestors(element)) {
        const style = getComputedStyle(one);
        if (style.overflowX === "visible" || one === document.body || one === document.documentElement) continue;
        const edge = one.getBoundingClientRect();
        if (style.textOverflow === "ellipsis" && one.title === one.textContent) [left, right] = [edge.left, edge.right];
        const isCut = left < edge.left - 1 || right > edge.right + 1;
        const isCutBelow = style.overflowY === "hidden" && (box.top < edge.top - 3 || box.bottom > edge.bottom + 3);
        if (isCut || isCutBelow) found.push(`cut: ${describe(element)}`);
      }
      if (left < -0.5 || right > innerWidth + 0.5) found.push(`outside of the window: ${describe(element)}`);
    }
    const inks = seen.map(({ element, box, node }) => {
      let [left, top, right, bottom] = [box.left, box.top + box.height / 4, box.right, box.bottom - box.height / 4];
      for (const one of ancestors(element)) {
        if (getComputedStyle(one).overflowY === "visible") continue;
        const edge = one.getBoundingClientRect();
        [left, top, right, bottom] = [Math.max(left, edge.left), Math.max(top, edge.top), Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
      }
      return { element, node, layer: layerOf(element), left, top, right, bottom };
    });
    inks.forEach((one, index) => {
      for (const other of inks.slice(index + 1)) {
        if (one.node === other.node || one.layer !== other.layer) continue;
        const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (width > 1 && height > 1) found.push(`over each other: ${describe(one.element)} and ${describe(other.element)}`);
      }
    });
    return found;
  }

  // What has the focus is seen to have it, in the window and above the player.
  function focus() {
    const found = [];
    const player = document.getElementById("player");
    const isModal = document.querySelector("dialog[open]");
    for (const control of controls()) {
      control.focus();
      if (document.activeElement !== control) {
        if (!isModal || isModal.contains(control)) found.push(`without focus: ${describe(control)}`);
        continue;
      }
      const marked = ancestors(control).slice(0, 2).find((one) => {
        const style = getComputedStyle(one);
        return style.outlineStyle === "auto" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
      });
      if (!marked) found.push(`no focus is seen: ${describe(control)}`);
      const box = (marked ?? control).getBoundingClientRect();
      const bottom = player && !player.hidden && !player.contains(control) && !isModal ? player.getBoundingClientRect().top : innerHeight;
      if (box.height > bottom) continue;
      if (box.top < -0.5 || box.bottom > bottom + 0.5) found.push(`focus is hidden: ${describe(control)}`);
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      const at = document.elementFromPoint(x, y);
      const isFree = at && (marked ?? control).closest("label, *").contains(at) || ancestors(control).includes(at);
      if (!isFree) found.push(`covered: ${describe(control)} by ${at && describe(at)}`);
    }
    document.activeElement.blur();
    return found;
  }

  // Where less motion is asked for, nothing moves.
  function stillness() {
    const moving = document.getAnimations().filter((one) => one.playState === "running").map((one) => `moves: ${describe(one.effect.target)}`);
    const smooth = [...document.querySelectorAll("*")].filter((one) => getComputedStyle(one).scrollBehavior === "smooth");
    const busy = [...document.querySelectorAll("progress:not([value])")].filter(isSeen);
    return [...moving, ...[...smooth, ...busy].map((one) => `would move: ${describe(one)}`)];
  }

  const lightness = (colour) => {
    const channels = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
  };

  // Return a colour as the browser draws it on top of another.
  function mix(colour, below) {
    const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    for (const fill of [below, colour]) {
      context.fillStyle = fill;
      context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }

  // What is told by a colour alone is seen on the paper, whoever has chosen the colours: at 3 to 1.
  function marks() {
    const found = [];
    const probe = document.body.appendChild(document.createElement("div"));
    probe.style.backgroundColor = "var(--card)";
    const paper = getComputedStyle(probe).backgroundColor;
    probe.remove();
    const contrast = (one, other) => {
      const [low, high] = [lightness(mix(one, paper)), lightness(mix(other, paper))].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const look = (selector, property, pseudo, least = 3) => {
      for (const element of document.querySelectorAll(selector)) {
        if (!isSeen(element)) continue;
        const colour = getComputedStyle(element, pseudo)[property];
        if (contrast(colour, paper) < least) found.push(`not seen: ${describe(element)} ${property} ${colour} on ${paper}`);
      }
    };
    look(".wave-svg path:not(.played), .wave-svg .played, .means .median, .means .here", "stroke");
    look(".cursor, .now, .spot, .key.here, .key.median", "backgroundColor");
    look(".chosen, .overview .shown, .key.spread", "backgroundColor", undefined, 1.2);
    look(".overview .shown, .at", "borderLeftColor");
    look("#player-part-shown:not([hidden])", "borderLeftColor", "::before");
    look(".how [aria-pressed=true], .how [data-state=begun], .how [data-state=whole], .playing", "borderLeftColor");
    for (const [one, other] of [[".current .wave-svg .played", ".wave-svg path:not(.played)"], [".how [aria-pressed=true], .how [data-state=whole]", ".how [aria-pressed=false], .how [data-state=none]"]]) {
      const [first, second] = [one, other].map((selector) => document.querySelector(selector));
      const property = first?.localName === "path" ? "stroke" : "color";
      if (first && second && isSeen(first) && getComputedStyle(first)[property] === getComputedStyle(second)[property]) found.push(`as the others: ${describe(first)}`);
    }
    return found;
  }

  return { layout, focus, stillness, marks };
})();
