// One picture with its mask over it: pointers, touch and pen paint; two fingers, the wheel and the hand move.
import { el } from "../dom.js";
import { Viewport } from "../viewport.js";
import { around, empty } from "./labels.js";

/** Brush sizes are thousandths of the long side, so that one brush is about as large on both pictures. */
const UNIT = 1000;

export class Pane {
  /** `tools`: what the editor has chosen. `finished(part)`: a change is complete, {labels, box, before, after}. */
  constructor(tools, { finished, entered = () => {} }) {
    this.tools = tools;
    this.finished = finished;
    this.image = el("img", { class: "layer", alt: "", draggable: "false" });
    this.overlay = el("canvas", { class: "layer overlay pixels" });
    this.outline = el("canvas", { class: "outline", "aria-hidden": "true" });
    this.ring = el("div", { class: "ring", hidden: true });
    this.host = el("div", { class: "pane", tabindex: "0", role: "application" }, this.image, this.overlay, this.outline, this.ring);
    this.stroke = null;
    /** Where the last stroke ended: with Shift the next one goes straight from there. */
    this.last = null;
    this.zoomed = () => {};
    this.port = new Viewport(this.host, {
      pans: (event) => event.button === 1 || event.buttons === 4 || tools.moving,
      changed: () => {
        this.#place();
        this.zoomed();
      },
      pinched: () => this.#abandon(),
      digits: false,
    });
    this.host.addEventListener("pointerdown", (event) => this.#down(event));
    this.host.addEventListener("pointermove", (event) => this.#move(event));
    this.host.addEventListener("pointerup", (event) => this.#up(event));
    this.host.addEventListener("pointercancel", () => this.#abandon());
    this.host.addEventListener("pointerenter", () => entered(this));
    this.host.addEventListener("pointerleave", () => (this.ring.hidden = true));
    this.host.addEventListener("keydown", (event) => this.#key(event));
    this.host.addEventListener("focus", () => entered(this));
  }

  /** Show a picture (address, RGBA `pixels`) and its labels. */
  show(name, url, labels, pixels) {
    this.labels = labels;
    this.pixels = pixels;
    this.image.hidden = url === null;
    this.host.classList.toggle("blank", url === null);
    if (url === null) this.image.removeAttribute("src");
    else this.image.src = url;
    this.last = null;
    this.host.setAttribute(
      "aria-label",
      `Mask of ${name}. Arrows move the brush, Enter paints with it, plus and minus zoom.`,
    );
    this.overlay.width = labels.width;
    this.overlay.height = labels.height;
    this.context = this.overlay.getContext("2d");
    this.cursor = [labels.width / 2, labels.height / 2];
    this.port.setContent(labels.width, labels.height);
    this.port.fit();
    this.paint(labels.whole);
  }

  /** Draw the labels of a box. */
  paint(box) {
    if (empty(box)) return;
    const { colours } = this.tools.palette;
    const image = this.context.createImageData(box.right - box.left, box.bottom - box.top);
    const words = new Uint32Array(image.data.buffer);
    const inks = colours.map(([r, g, b], label) => (label ? ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0 : 0));
    let at = 0;
    for (let y = box.top; y < box.bottom; y++) {
      for (let x = box.left; x < box.right; x++) words[at++] = inks[this.labels.data[y * this.labels.width + x]];
    }
    this.context.putImageData(image, box.left, box.top);
  }

  set opacity(value) {
    this.overlay.style.opacity = String(value);
  }

  get radius() {
    return (this.tools.size * Math.max(this.labels.width, this.labels.height)) / UNIT / 2;
  }

  /** Change everything at once, as one step of the history. */
  replace(data) {
    const before = this.labels.cut(this.labels.whole);
    this.labels.data.set(data);
    this.paint(this.labels.whole);
    return { labels: this.labels, box: this.labels.whole, before, after: this.labels.cut(this.labels.whole) };
  }

  #place() {
    this.port.place(this.image);
    this.port.place(this.overlay);
    this.overlay.classList.add("pixels");
    this.soften();
  }

  /** Show edges as wide as they will be painted: three means of a third of the width are about a blur of a sixth. */
  soften() {
    const wide = this.labels ? (this.tools.feather ?? 0) * Math.max(this.labels.width, this.labels.height) * this.port.scale : 0;
    this.overlay.style.filter = wide >= 1 ? `blur(${(wide / 6).toFixed(2)}px)` : "";
  }

  #label() {
    return this.tools.tool === "eraser" ? 0 : this.tools.label;
  }

  #down(event) {
    if (!this.labels || event.button > 0 || this.tools.moving || this.port.pointers.size > 1) return;
    this.host.setPointerCapture(event.pointerId);
    const point = this.port.toPicture(event.clientX, event.clientY);
    if (this.tools.tool === "fill") {
      this.#fill(point);
      return;
    }
    this.#begin();
    this.stroke.points = [point];
    if (this.tools.tool !== "lasso") this.#draw(event.shiftKey && this.last ? this.last : point, point, event);
  }

  #begin() {
    this.stroke = { before: this.labels.data.slice(), box: { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity } };
  }

  #move(event) {
    this.#showRing(event);
    if (!this.stroke) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const point = this.port.toPicture(each.clientX, each.clientY);
      const last = this.stroke.points.at(-1);
      this.stroke.points.push(point);
      if (this.tools.tool === "lasso") this.#drawOutline();
      else this.#draw(last, point, each);
    }
  }

  #up() {
    if (!this.stroke) return;
    if (this.tools.tool === "lasso") {
      this.#changed(this.labels.polygon(this.stroke.points, this.#label()));
      this.#clearOutline();
    }
    this.#end();
  }

  #draw([x0, y0], [x1, y1], event) {
    // A pen that knows how hard it is pressed paints accordingly; half of the way is the size that is set.
    const force = event.pointerType === "pen" && event.pressure > 0 ? 0.3 + 1.4 * event.pressure : 1;
    this.#changed(this.labels.stroke(x0, y0, x1, y1, this.radius * force, this.#label()));
  }

  #changed(box) {
    this.stroke.box = around(this.stroke.box, box);
    this.paint(box);
  }

  #fill([x, y]) {
    this.#begin();
    this.#changed(this.labels.flood(x, y, this.#label(), this.pixels, this.tools.spread));
    this.#end();
  }

  #end() {
    const { before, box, points } = this.stroke;
    this.stroke = null;
    this.last = points?.at(-1) ?? this.cursor;
    if (empty(box)) return;
    const was = Object.create(this.labels, { data: { value: before } });
    const part = { labels: this.labels, box, before: was.cut(box), after: this.labels.cut(box) };
    if (part.before.some((label, index) => label !== part.after[index])) this.finished(part);
  }

  /** Two fingers came down: what the first one painted was not meant. */
  #abandon() {
    if (!this.stroke) return;
    this.labels.data.set(this.stroke.before);
    this.paint(this.labels.whole);
    this.stroke = null;
    this.#clearOutline();
  }

  #key(event) {
    if (event.target !== this.host || event.ctrlKey || event.metaKey || event.altKey || !this.labels) return;
    const step = this.radius * (event.shiftKey ? 4 : 1);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) {
      const { width, height } = this.labels;
      this.cursor = [
        Math.min(width, Math.max(0, this.cursor[0] + moves[event.key][0])),
        Math.min(height, Math.max(0, this.cursor[1] + moves[event.key][1])),
      ];
    } else if (event.key === "Enter") {
      if (this.tools.tool === "fill") this.#fill(this.cursor);
      else {
        this.#begin();
        this.#draw(this.cursor, this.cursor, event);
        this.#end();
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.#ringAt(this.cursor);
  }

  #showRing(event) {
    if (!this.labels || event.pointerType === "touch" || this.tools.moving) this.ring.hidden = true;
    else this.#ringAt(this.port.toPicture(event.clientX, event.clientY));
  }

  #ringAt([x, y]) {
    const round = ["brush", "eraser"].includes(this.tools.tool);
    const size = Math.max(round ? 4 : 10, round ? this.radius * 2 * this.port.scale : 10);
    this.ring.hidden = false;
    this.ring.style.width = this.ring.style.height = `${size}px`;
    const [left, top] = [this.port.x + x * this.port.scale, this.port.y + y * this.port.scale];
    this.ring.style.transform = `translate(${left - size / 2}px, ${top - size / 2}px)`;
  }

  #drawOutline() {
    const { width, height } = this.port.box;
    this.outline.width = width;
    this.outline.height = height;
    const context = this.outline.getContext("2d");
    context.beginPath();
    for (const [x, y] of this.stroke.points) context.lineTo(this.port.x + x * this.port.scale, this.port.y + y * this.port.scale);
    context.closePath();
    for (const [colour, dash] of [["#fff", []], ["#000", [5, 5]]]) {
      context.strokeStyle = colour;
      context.setLineDash(dash);
      context.lineWidth = 1.5;
      context.stroke();
    }
  }

  #clearOutline() {
    this.outline.width = 0;
  }
}
