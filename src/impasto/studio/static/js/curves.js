// Losses over the steps, on a canvas: a logarithmic scale, one line for the whole and one for each term.
import { el, fill } from "./dom.js";
import { number } from "./format.js";

const TERMS = { content: "--line-content", style: "--line-style", tv: "--line-tv", gamut: "--line-gamut" };
const EDGE = { left: 44, right: 10, top: 10, bottom: 20 };

export class Curves {
  constructor() {
    this.canvas = el("canvas", { class: "curves-canvas", role: "img", "aria-label": "Losses over the steps" });
    this.legend = el("div", { class: "legend" });
    this.node = el("div", { class: "curves" }, this.canvas, this.legend);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.clear();
  }

  clear() {
    this.steps = [];
    this.levels = [];
    this.lines = new Map();
    this.draw();
  }

  /** Take all points at once. */
  load({ steps = [], loss = [], losses = {}, levels = [] }) {
    this.steps = [...steps];
    this.levels = [...levels];
    this.lines = new Map([["total", [...loss]], ...Object.entries(losses).map(([name, points]) => [name, [...points]])]);
    this.draw();
  }

  /** Add a point; one that is known already is left out. */
  add({ step, loss, losses = {}, level }) {
    if (loss === null || loss === undefined || step <= (this.steps.at(-1) ?? 0)) return;
    for (const [name, value] of [["total", loss], ...Object.entries(losses)]) {
      if (!this.lines.has(name)) this.lines.set(name, this.steps.map(() => null));
      this.lines.get(name).push(value);
    }
    this.steps.push(step);
    this.levels.push(level);
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width) return;
    const ratio = window.devicePixelRatio;
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const css = getComputedStyle(this.canvas);
    const ink = css.getPropertyValue("--muted").trim();
    const rule = css.getPropertyValue("--rule").trim();
    context.font = `11px ${css.fontFamily}`;
    const values = [...this.lines.values()].flat().filter((value) => value > 0);
    if (values.length < 1 || this.steps.length < 2) {
      context.fillStyle = ink;
      context.fillText("The curves begin with the second step.", EDGE.left, box.height / 2);
      fill(this.legend);
      return;
    }
    // Terms that are next to nothing would flatten all others.
    const high = Math.log10(Math.max(...values));
    const low = Math.max(Math.log10(Math.min(...values)), high - 6);
    const span = Math.max(high - low, 0.3);
    const [first, last] = [this.steps[0], this.steps.at(-1)];
    const x = (step) => EDGE.left + ((step - first) / Math.max(1, last - first)) * (box.width - EDGE.left - EDGE.right);
    const y = (value) => EDGE.top + ((high - Math.log10(value)) / span) * (box.height - EDGE.top - EDGE.bottom);

    context.strokeStyle = rule;
    context.fillStyle = ink;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let power = Math.ceil(high - span); power <= high; power++) {
      const at = Math.round(y(10 ** power)) + 0.5;
      context.beginPath();
      context.moveTo(EDGE.left, at);
      context.lineTo(box.width - EDGE.right, at);
      context.stroke();
      context.fillText(power >= -2 && power <= 4 ? String(10 ** power) : `1e${power}`, EDGE.left - 6, at);
    }
    context.textBaseline = "alphabetic";
    context.fillText(`step ${last}`, box.width - EDGE.right, box.height - 6);
    // Where the picture became larger.
    context.setLineDash([2, 4]);
    for (let index = 1; index < this.steps.length; index++) {
      if (this.levels[index] === this.levels[index - 1]) continue;
      context.beginPath();
      context.moveTo(x(this.steps[index]), EDGE.top);
      context.lineTo(x(this.steps[index]), box.height - EDGE.bottom);
      context.stroke();
    }
    context.setLineDash([]);
    const shown = [];
    for (const [name, points] of [...this.lines].reverse()) {
      if (!points.some((value) => value > 0)) continue;
      const colour = css.getPropertyValue(name === "total" ? "--text" : (TERMS[name] ?? "--line-other")).trim();
      context.strokeStyle = colour;
      context.lineWidth = name === "total" ? 2 : 1.5;
      context.beginPath();
      let drawing = false;
      points.forEach((value, index) => {
        if (!(value > 0) || Math.log10(value) < high - span) {
          drawing = false;
          return;
        }
        if (drawing) context.lineTo(x(this.steps[index]), y(value));
        else context.moveTo(x(this.steps[index]), y(value));
        drawing = true;
      });
      context.stroke();
      shown.unshift([name, colour, points.findLast((value) => value !== null)]);
    }
    this.#describe(shown);
  }

  #describe(shown) {
    fill(
      this.legend,
      shown.map(([name, colour, value]) => {
        const line = el("span", { class: "legend-line" });
        line.style.background = colour;
        return el("span", { class: "legend-item" }, line, `${name} `, el("b", { text: number(value) }));
      }),
    );
    const said = shown.map(([name, , value]) => `${name} ${number(value)}`).join(", ");
    this.canvas.setAttribute("aria-label", `Losses over ${this.steps.length} steps, on a logarithmic scale; now ${said}`);
  }
}
