// The mask painter: photograph and painting side by side, the same colour for what belongs together.
import { api, pictureUrl } from "../api.js";
import { button, dialog, el, errorLine, fill } from "../dom.js";
import { draft, dropMasks, job, remember, tell } from "../state.js";
import { History } from "./history.js";
import { Labels } from "./labels.js";
import { Pane } from "./pane.js";
import { Palette, read } from "./palette.js";
import { encode, pixels } from "./png.js";
import { toolbar } from "./toolbar.js";

/** Masks are painted at this size at most, pixels of the long side, and written at the picture's. */
const WORKING = 2048;

/** Open the painter on what is chosen. */
export function openMasks() {
  if (!draft.content || !draft.styles.length || document.querySelector("dialog[open]")) return;
  new Editor().open();
}

class Editor {
  constructor() {
    this.palette = new Palette();
    this.tools = { palette: this.palette, tool: "brush", label: 1, size: 60, spread: 255, opacity: 0.5, moving: false };
    this.trouble = errorLine();
    this.history = new History(() => this.#count());
    this.active = 0;
    /** One for the photograph, one for each painting: {picture, mask, labels, pixels}. */
    this.sheets = [
      { picture: draft.content, mask: draft.contentMask, role: "photograph" },
      ...draft.styles.map((style) => ({ picture: style.picture, mask: style.mask, role: "painting" })),
    ];
    const finished = (part) => this.history.push([part]);
    this.panes = [0, 1].map((index) => new Pane(this.tools, { finished, entered: () => (this.active = index) }));
    this.shown = [0, 1];
  }

  async open() {
    this.bar = toolbar(this);
    const names = el("div", { class: "pane-name" }, el("h3", { text: "Photograph" }), this.#files(0));
    this.tabs = el("div", { class: "pane-name" });
    this.shell = dialog(
      "Masks",
      { full: true, closed: () => this.#closed() },
      this.bar.node,
      el(
        "div",
        { class: "panes" },
        el("section", { class: "sheet", "aria-label": "Photograph" }, names, this.panes[0].host),
        el("section", { class: "sheet", "aria-label": "Painting" }, this.tabs, this.panes[1].host),
      ),
      el("div", { class: "mask-foot" }, this.bar.hint, this.trouble.node, this.#actions()),
    );
    this.keys = (event) => this.#key(event);
    this.shell.node.addEventListener("keydown", this.keys);
    this.shell.node.addEventListener("cancel", (event) => {
      // Escape does not throw an hour of drawing away.
      if (this.history.done.length) event.preventDefault();
    });
    try {
      await Promise.all(this.sheets.map((sheet) => this.#load(sheet)));
    } catch (error) {
      this.trouble.show(error);
      return;
    }
    this.#show(0, 0);
    this.#show(1, 1);
    this.#count();
    this.panes[0].host.focus();
  }

  async #load(sheet) {
    const { width, height, id } = sheet.picture;
    const scale = Math.min(1, WORKING / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    sheet.pixels = await pixels(pictureUrl(id, WORKING), w, h);
    sheet.labels = new Labels(w, h);
    if (sheet.mask) sheet.labels.data.set(read(await pixels(pictureUrl(sheet.mask, WORKING), w, h), this.palette));
  }

  #show(pane, index) {
    const sheet = this.sheets[index];
    this.shown[pane] = index;
    this.panes[pane].show(sheet.picture.name, pictureUrl(sheet.picture.id, WORKING), sheet.labels, sheet.pixels);
    this.panes[pane].opacity = this.tools.opacity;
    if (pane === 1) this.#drawTabs();
    this.bar.update();
  }

  #drawTabs() {
    const many = this.sheets.length > 2;
    fill(
      this.tabs,
      many
        ? el(
            "div",
            { class: "chips", role: "group", "aria-label": "Painting" },
            this.sheets.slice(1).map((sheet, index) =>
              el("button", {
                type: "button",
                class: "chip",
                "aria-pressed": String(this.shown[1] === index + 1),
                text: sheet.picture.name,
                on: { click: () => this.#show(1, index + 1) },
              }),
            ),
          )
        : el("h3", { text: "Painting" }),
      this.#files(1),
    );
  }

  /** Import and export of one mask. */
  #files(pane) {
    const side = pane ? "painting" : "photograph";
    const input = el("input", {
      type: "file",
      accept: "image/*",
      class: "unseen",
      tabindex: "-1",
      "aria-label": `Mask file of the ${side}`,
      on: { change: () => input.files.length && this.#import(pane, input.files[0]).then(() => (input.value = "")) },
    });
    return el(
      "span",
      { class: "pane-files" },
      input,
      button("Import", { kind: "small", "aria-label": `Import a mask of the ${side}`, on: { click: () => input.click() } }),
      button("Export", { kind: "small", "aria-label": `Export the mask of the ${side}`, on: { click: () => this.#export(pane) } }),
    );
  }

  async #import(pane, file) {
    this.trouble.clear();
    const { labels } = this.sheets[this.shown[pane]];
    try {
      const data = read(await pixels(file, labels.width, labels.height), this.palette);
      this.history.push([this.panes[pane].replace(data)]);
      this.bar.update();
    } catch (error) {
      this.trouble.show(error);
    }
  }

  async #export(pane) {
    const sheet = this.sheets[this.shown[pane]];
    const url = URL.createObjectURL(await this.#file(sheet));
    el("a", { href: url, download: maskName(sheet.picture.name) }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  #file({ labels, picture }) {
    return encode(labels.resized(picture.width, picture.height), this.palette.colours);
  }

  #actions() {
    this.done = button("Use these masks", { kind: "primary", on: { click: () => this.#use() } });
    return el("div", { class: "actions" }, button("Discard", { on: { click: () => this.shell.close() } }), this.done);
  }

  /** Find regions as a start: of the photograph and the painting that is shown. */
  async automatic(regions) {
    this.trouble.clear();
    const pair = [0, 1].map((pane) => this.sheets[this.shown[pane]]);
    const masks = await api.autoMasks(pair[0].picture.id, pair[1].picture.id, regions);
    const ids = [masks.content_mask, masks.style_mask];
    const parts = [];
    for (const pane of [0, 1]) {
      const { labels } = pair[pane];
      const data = read(await pixels(pictureUrl(ids[pane], WORKING), labels.width, labels.height), this.palette);
      parts.push(this.panes[pane].replace(data));
    }
    this.history.push(parts);
    this.bar.say((masks.notices ?? [])[0]);
  }

  undo() {
    this.#redraw(this.history.undo());
  }

  redo() {
    this.#redraw(this.history.redo());
  }

  clear() {
    this.history.push(this.panes.map((pane) => pane.replace(new Uint8Array(pane.labels.data.length))));
  }

  #redraw(parts) {
    for (const part of parts) for (const pane of this.panes) if (pane.labels === part.labels) pane.paint(part.box);
  }

  /** How much of each picture each colour has: what is on one side alone paints nothing. */
  #count() {
    if (!this.sheets[0].labels) return;
    const count = this.palette.colours.length;
    this.fractions = this.shown.map((index) => this.sheets[index].labels?.fractions(count) ?? []);
    this.bar.update();
  }

  moving(on) {
    this.tools.moving = on;
    for (const pane of this.panes) pane.host.classList.toggle("moving", on);
    this.bar.update();
  }

  #key(event) {
    if (event.target.matches("input:not([type=range]), select")) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "y" || (key === "z" && event.shiftKey)) this.redo();
      else if (key === "z") this.undo();
      else return;
      event.preventDefault();
      return;
    }
    if (event.altKey) return;
    const tool = { b: "brush", e: "eraser", g: "fill", f: "fill", l: "lasso" }[key];
    if (tool) this.tools.tool = tool;
    else if (key === "[") this.tools.size = Math.max(2, Math.round(this.tools.size / 1.25));
    else if (key === "]") this.tools.size = Math.min(600, Math.ceil(this.tools.size * 1.25));
    else if (/^[1-9]$/.test(key)) this.tools.label = Number(key);
    else if (key === "h") this.moving(!this.tools.moving);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.bar.update();
  }

  async #use() {
    this.trouble.clear();
    this.done.disabled = true;
    try {
      if (!this.sheets[0].labels.painted) {
        dropMasks();
      } else {
        const made = [];
        for (const sheet of this.sheets) made.push(sheet.labels.painted ? await this.#upload(sheet) : null);
        const [contentMask, ...styleMasks] = made;
        const asked = { ...job(), content_mask: contentMask, style_masks: styleMasks };
        const checked = await api.checkMasks(asked);
        draft.contentMask = contentMask;
        draft.styles.forEach((style, index) => (style.mask = styleMasks[index]));
        draft.regions = checked.regions.map(({ name, color }) => ({ name, color }));
        draft.notes = checked.notices;
      }
      this.history.done = [];
      this.shell.close();
      tell("sources");
    } catch (error) {
      this.trouble.show(error);
    }
    this.done.disabled = false;
  }

  async #upload(sheet) {
    const name = maskName(sheet.picture.name);
    return remember(await api.upload(await this.#file(sheet), "mask", name)).id;
  }

  #closed() {
    for (const pane of this.panes) pane.port.observer.disconnect();
  }
}

const maskName = (name) => `${name.replace(/\.[^.]*$/, "") || "picture"}_mask.png`;

