// One picture to look at closely, alone or beside what it was before: layers in a viewport, a wipe, buttons to zoom.
import { button, el } from "./dom.js";
import { Viewport } from "./viewport.js";

export class Viewer {
  constructor({ label, changed = () => {}, tools = true }) {
    this.after = el("img", { class: "layer after", alt: label, draggable: "false", hidden: true });
    this.before = el("img", { class: "layer before", alt: "", draggable: "false", hidden: true });
    this.percent = el("button", {
      type: "button",
      class: "button percent",
      title: "One pixel of the picture on one of the screen",
      on: { click: () => this.port.actual() },
    });
    this.slider = el("input", {
      type: "range",
      class: "wipe-range",
      min: "0",
      max: "1000",
      value: "500",
      "aria-label": "Before and after: how much of the photograph is shown",
      on: { input: () => this.#wipe() },
    });
    this.line = el("div", { class: "wipe-line", hidden: true }, el("span", { class: "wipe-knob" }));
    this.host = el(
      "div",
      { class: "viewer", tabindex: "0", role: "group", "aria-label": `${label}; plus, minus, 0, 1 and arrows zoom and move` },
      this.before,
      this.after,
      this.line,
    );
    const zooms = el(
      "div",
      { class: "zooms", role: "group", "aria-label": "Zoom" },
      button("Zoom out", { icon: "minus", quiet: true, on: { click: () => this.port.zoom(1 / 1.5) } }),
      this.percent,
      button("Zoom in", { icon: "plus", quiet: true, on: { click: () => this.port.zoom(1.5) } }),
      el("button", { type: "button", class: "button", text: "Fit", on: { click: () => this.port.fit() } }),
    );
    this.bar = el("div", { class: "viewer-bar", hidden: !tools }, this.slider, zooms);
    this.node = el("div", { class: "viewer-box" }, this.host, this.bar);
    this.slider.hidden = true;
    this.port = new Viewport(this.host, {
      pans: () => true,
      changed: (port, own) => {
        this.#place();
        changed(port, own);
      },
    });
    this.#grab();
  }

  /** Show a picture of `size` [height, width]; the one before stays until the new one can be drawn. */
  async show(url, size) {
    this.latest = url;
    if (this.after.getAttribute("src") !== url) {
      const next = new Image();
      next.src = url;
      try {
        await next.decode();
      } catch {
        return;
      }
      // A slow picture must not take the place of a newer one.
      if (this.latest !== url) return;
      this.after.src = url;
      await this.after.decode().catch(() => {});
    }
    if (this.latest !== url) return;
    this.natural = size ?? [this.after.naturalHeight, this.after.naturalWidth];
    this.after.hidden = false;
    this.port.setContent(this.natural[1], this.natural[0]);
    this.#place();
  }

  /** Show the photograph to the left of a line that can be moved; null: no longer. */
  compare(url) {
    const on = url !== null;
    this.slider.hidden = this.line.hidden = this.before.hidden = !on;
    if (on && this.before.getAttribute("src") !== url) this.before.src = url;
    this.#place();
  }

  clear() {
    this.latest = null;
    this.after.removeAttribute("src");
    this.after.hidden = true;
    this.compare(null);
  }

  #place() {
    this.port.place(this.after);
    this.port.place(this.before);
    this.percent.textContent = `${Math.round(this.port.scale * window.devicePixelRatio * 100)} %`;
    this.#wipe();
  }

  #wipe() {
    const { x, scale, width } = this.port;
    if (this.line.hidden) {
      this.after.style.clipPath = "none";
      return;
    }
    // The line stays on the part of the picture that is seen.
    const room = this.port.box.width;
    const left = Math.max(0, x);
    const right = Math.min(room, x + width * scale);
    const at = left + ((right - left) * this.slider.value) / 1000;
    this.line.style.left = `${at}px`;
    this.after.style.clipPath = `inset(0 0 0 ${Math.min(width, Math.max(0, (at - x) / scale))}px)`;
  }

  #grab() {
    const move = (event) => {
      const { x, scale, width, box } = this.port;
      const left = Math.max(0, x);
      const right = Math.min(box.width, x + width * scale);
      this.slider.value = String(Math.round(((event.clientX - box.left - left) / Math.max(1, right - left)) * 1000));
      this.#wipe();
    };
    this.line.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.line.setPointerCapture(event.pointerId);
      this.line.onpointermove = move;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      this.line.addEventListener(name, () => (this.line.onpointermove = null));
    }
  }
}

/** Tie viewers together: what one shows, all show. */
export function link(viewers) {
  for (const viewer of viewers) {
    const mine = viewer.port.changed;
    viewer.port.changed = (port, own) => {
      mine(port, own);
      if (own) for (const other of viewers) if (other !== viewer) other.port.follow(port.view);
    };
  }
}
