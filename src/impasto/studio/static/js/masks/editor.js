// The mask painter: photograph and painting side by side, the same colour for what belongs together.
import { api, pictureUrl } from "../api.js";
import { button, debounced, dialog, el, errorLine, fill } from "../dom.js";
import { job } from "../fitting.js";
import { draft, dropMasks, pictures, remember, tell } from "../state.js";
import { History } from "./history.js";
import { forget, keep, kept } from "./keep.js";
import { Labels } from "./labels.js";
import { Pane } from "./pane.js";
import { Palette, read } from "./palette.js";
import { encode, pixels } from "./png.js";
import { toolbar } from "./toolbar.js";

/** Masks are painted at this size at most, pixels of the long side, and written at the picture's. */
const WORKING = 2048;

/** Milliseconds after a change until it is kept in the browser. */
const KEEP_MS = 400;
/** Id of what has no photograph under it. */
const DOODLE = "doodle";

/** Open the painter on what is chosen: a photograph, or a doodle's blank sheet. */
export function openMasks() {
  if (!draft.styles.length || document.querySelector("dialog[open]")) return;
  if (draft.content) new Editor(draft.content).open();
  else if (draft.contentMask) openDoodle(pictures.get(draft.contentMask));
}

/** Open the painter on a blank sheet of a size: {width, height}. */
export function openDoodle({ width, height }) {
  new Editor({ id: DOODLE, name: "doodle", width, height }).open();
}

class Editor {
  /** `content`: the photograph, or the blank sheet of a doodle. */
  constructor(content) {
    this.doodle = content.id === DOODLE;
    this.palette = new Palette(draft.regionNames);
    this.tools = { palette: this.palette, tool: "brush", label: 1, size: 60, spread: 32, opacity: 0.5, moving: false };
    this.trouble = errorLine();
    this.save = debounced(KEEP_MS, () => this.#keep());
    this.history = new History(() => {
      this.#count();
      this.save();
    });
    this.active = 0;
    /** One for the photograph, one for each painting: {picture, mask, labels, pixels}. */
    this.sheets = [
      { picture: content, mask: draft.contentMask, role: this.doodle ? "doodle" : "photograph" },
      ...draft.styles.map((style) => ({ picture: style.picture, mask: style.mask, role: "painting" })),
    ];
    const finished = (part) => this.history.push([part]);
    this.panes = [0, 1].map((index) => new Pane(this.tools, { finished, entered: () => (this.active = index) }));
    this.shown = [0, 1];
  }

  async open() {
    this.bar = toolbar(this);
    const first = this.doodle ? "Doodle" : "Photograph";
    const names = el("div", { class: "pane-name" }, el("h3", { text: first }), this.#zoom(0), this.#files(0));
    this.tabs = el("div", { class: "pane-name" });
    this.shell = dialog(
      this.doodle ? "Doodle" : "Masks",
      { full: true, closed: () => this.#closed(), mayClose: () => this.#leave() },
      this.bar.node,
      el(
        "div",
        { class: "panes" },
        el("section", { class: "sheet", "aria-label": first }, names, this.panes[0].host),
        el("section", { class: "sheet", "aria-label": "Painting" }, this.tabs, this.panes[1].host),
      ),
      el("div", { class: "mask-foot" }, this.bar.hint, this.trouble.node, this.#actions()),
    );
    this.keys = (event) => this.#key(event);
    this.shell.node.addEventListener("keydown", this.keys);
    this.shell.node.addEventListener("keyup", (event) => event.key === " " && this.#panning(false));
    this.unload = (event) => this.dirty && event.preventDefault();
    addEventListener("beforeunload", this.unload);
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
    if (this.sheets.some((sheet) => sheet.unfinished)) {
      this.bar.say("These are the masks that were not finished last time. Discard forgets them.");
    }
  }

  /** Whether there is something that no mask in use has. */
  get dirty() {
    return this.history.done.length > 0 || this.sheets.some((sheet) => sheet.unfinished);
  }

  /** Keep what is painted in the browser, in case that the page goes. */
  async #keep() {
    if (!this.shell.node.isConnected) return;
    const { colours, names } = this.palette;
    for (const { picture, labels } of this.sheets) {
      if (labels?.painted) await keep(picture.id, { width: labels.width, height: labels.height, data: labels.data, colours, names });
      else await forget(picture.id);
    }
  }

  /** Whether the painter may close; where there is something to lose it asks first. */
  #leave() {
    if (!this.dirty) return true;
    const asked = dialog("These masks are not in use yet", {}, el("p", { text: "Kept masks are here again when you paint masks of the same pictures." }));
    const choose = (label, kind, act) =>
      button(label, {
        kind,
        on: {
          click: () => {
            asked.close();
            act();
          },
        },
      });
    asked.body.append(
      el(
        "div",
        { class: "actions" },
        choose("Go on painting", "primary", () => {}),
        choose("Keep for later", "", async () => {
          await this.#keep();
          this.shell.close();
        }),
        choose("Discard", "delete", () => this.#discard()),
      ),
    );
    return false;
  }

  async #discard() {
    await this.#forget();
    this.shell.close();
  }

  async #forget() {
    for (const sheet of this.sheets) {
      sheet.unfinished = false;
      await forget(sheet.picture.id);
    }
    this.history.done = [];
  }

  async #load(sheet) {
    const { width, height, id } = sheet.picture;
    const scale = Math.min(1, WORKING / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    sheet.pixels = id === DOODLE ? null : await pixels(pictureUrl(id, WORKING), w, h);
    sheet.labels = new Labels(w, h);
    const before = await kept(id);
    if (before?.width === w && before.height === h) {
      const labels = before.colours.map((colour, label) => this.palette.adopt(colour, before.names[label]));
      sheet.labels.data.set(before.data.map((label) => labels[label]));
      sheet.unfinished = true;
    } else if (sheet.mask) sheet.labels.data.set(read(await pixels(pictureUrl(sheet.mask, WORKING), w, h), this.palette));
  }

  #show(pane, index) {
    const sheet = this.sheets[index];
    this.shown[pane] = index;
    const url = sheet.pixels ? pictureUrl(sheet.picture.id, WORKING) : null;
    this.panes[pane].show(sheet.picture.name, url, sheet.labels, sheet.pixels);
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
      this.#zoom(1),
      this.#files(1),
    );
  }

  /** How large a picture is shown, and all of it again. */
  #zoom(pane) {
    const { port } = this.panes[pane];
    const label = el("output", { class: "hint zoom-level" });
    this.panes[pane].zoomed = () => (label.textContent = `${Math.round(port.scale * window.devicePixelRatio * 100)} %`);
    this.panes[pane].zoomed();
    const side = pane ? "painting" : this.sheets[0].role;
    return el("span", { class: "pane-zoom" }, label, button("Fit", { kind: "small", "aria-label": `See all of the ${side}`, on: { click: () => port.fit() } }));
  }

  /** Import and export of one mask. */
  #files(pane) {
    const side = pane ? "painting" : this.sheets[0].role;
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
      const data = read(await pixels(file, labels.width, labels.height, { shaped: true }), this.palette);
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
    return el("div", { class: "actions" }, button("Discard", { on: { click: () => (this.dirty ? this.#leave() : this.shell.close()) } }), this.done);
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

  /** Paint what is not the chosen region, and unpaint what is, on the picture that was touched last. */
  invert() {
    const pane = this.panes[this.active];
    this.history.push([pane.replace(pane.labels.data.map((label) => (label === this.tools.label ? 0 : this.tools.label)))]);
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
    if (event.key === " " && !event.target.matches("button, input, a, summary")) {
      event.preventDefault();
      this.#panning(true);
      return;
    }
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
    else if (key === "i") this.invert();
    else if (key === "h") this.moving(!this.tools.moving);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.bar.update();
  }

  /** The space bar moves the view as long as it is held. */
  #panning(on) {
    if (on === this.held) return;
    this.held = on;
    if (on) this.handed = this.tools.moving;
    this.moving(on || this.handed);
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
        const names = this.palette.named(this.sheets.map((sheet) => sheet.labels));
        const asked = { ...job(), content_mask: contentMask, style_masks: styleMasks, region_names: names };
        const checked = await api.checkMasks(asked);
        draft.contentMask = contentMask;
        draft.styles.forEach((style, index) => (style.mask = styleMasks[index]));
        draft.regions = checked.regions.map(({ name, color }) => ({ name, color }));
        draft.notes = checked.notices;
        draft.regionNames = names;
        if (draft.changed.keep) draft.changed.keep = draft.changed.keep.filter((name) => draft.regions.some((region) => region.name === name));
      }
      await this.#forget();
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
    removeEventListener("beforeunload", this.unload);
    for (const pane of this.panes) pane.port.observer.disconnect();
  }
}

const maskName = (name) => `${name.replace(/\.[^.]*$/, "") || "picture"}_mask.png`;

