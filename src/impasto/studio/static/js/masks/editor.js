// The mask painter: photograph and painting side by side, the same colour for what belongs together.
import { api, pictureUrl } from "../api.js";
import { button, debounced, dialog, el, errorLine, fill } from "../dom.js";
import { job } from "../fitting.js";
import { draft, dropMasks, pictures, tell } from "../state.js";
import { files, tabs, zoom } from "./heads.js";
import { History } from "./history.js";
import { press } from "./keys.js";
import { askToLeave } from "./leave.js";
import { Palette } from "./palette.js";
import { Pane } from "./pane.js";
import { DOODLE, WORKING, download, forgetAll, keepAll, load, readMask, upload } from "./sheets.js";
import { toolbar } from "./toolbar.js";

/** Milliseconds after a change until it is kept in the browser. */
const KEEP_MS = 400;

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
    this.feathered = draft.changed.feather ?? 0;
    this.tools = { palette: this.palette, tool: "brush", label: 1, size: 60, spread: 32, opacity: 0.5, feather: this.feathered, moving: false };
    this.trouble = errorLine();
    /** Settles when what was last kept in the browser is there. */
    this.kept = Promise.resolve();
    this.save = debounced(KEEP_MS, () => {
      if (!this.over && this.shell.node.isConnected) this.kept = keepAll(this.sheets, this.palette);
    });
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
    const names = el("div", { class: "pane-name" }, el("h3", { text: first }), zoom(this.panes[0], this.sheets[0].role), this.#files(0));
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
    this.shell.node.addEventListener("keydown", (event) => press(this, event));
    this.shell.node.addEventListener("keyup", (event) => event.key === " " && this.panning(false));
    this.unload = (event) => this.dirty && event.preventDefault();
    addEventListener("beforeunload", this.unload);
    try {
      await Promise.all(this.sheets.map((sheet) => load(sheet, this.palette)));
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
    return this.history.done.length > 0 || this.sheets.some((sheet) => sheet.unfinished) || this.tools.feather !== this.feathered;
  }

  /** Whether the painter may close; where there is something to lose it asks first. */
  #leave() {
    if (!this.dirty) return true;
    askToLeave({
      keep: async () => {
        await keepAll(this.sheets, this.palette);
        this.shell.close();
      },
      discard: async () => {
        await this.#forget();
        this.shell.close();
      },
    });
    return false;
  }

  async #forget() {
    // Nothing is kept from here on, and what is on its way there comes first, lest it stay as what was not finished.
    this.over = true;
    await this.kept.catch(() => {});
    await forgetAll(this.sheets);
    this.history.done = [];
  }

  #show(pane, index) {
    const sheet = this.sheets[index];
    this.shown[pane] = index;
    const url = sheet.pixels ? pictureUrl(sheet.picture.id, WORKING) : null;
    this.panes[pane].show(sheet.picture.name, url, sheet.labels, sheet.pixels);
    this.panes[pane].opacity = this.tools.opacity;
    if (pane === 1) {
      const chosen = tabs(this.sheets.slice(1), index - 1, (other) => this.#show(1, other + 1));
      fill(this.tabs, chosen, zoom(this.panes[1], "painting"), this.#files(1));
    }
    this.bar.update();
  }

  #files(pane) {
    return files(pane ? "painting" : this.sheets[0].role, {
      imported: (file) => this.#import(pane, file),
      exported: () => download(this.sheets[this.shown[pane]], this.palette),
    });
  }

  async #import(pane, file) {
    this.trouble.clear();
    try {
      const data = await readMask(file, this.sheets[this.shown[pane]], this.palette, { shaped: true });
      this.history.push([this.panes[pane].replace(data)]);
      this.bar.update();
    } catch (error) {
      this.trouble.show(error);
    }
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
      parts.push(this.panes[pane].replace(await readMask(pictureUrl(ids[pane], WORKING), pair[pane], this.palette)));
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

  /** Let regions go over into one another across a part of the long side. */
  feather(width) {
    this.tools.feather = width;
    for (const pane of this.panes) pane.soften();
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

  /** The space bar moves the view as long as it is held. */
  panning(on) {
    if (on === this.held) return;
    this.held = on;
    if (on) this.handed = this.tools.moving;
    this.moving(on || this.handed);
  }

  async #use() {
    this.trouble.clear();
    this.done.disabled = true;
    try {
      if (this.sheets[0].labels.painted) await this.#upload();
      else dropMasks();
      await this.#forget();
      this.shell.close();
      tell("sources");
    } catch (error) {
      this.trouble.show(error);
    }
    this.done.disabled = false;
  }

  /** Bring the masks to the studio and let the draft have them; throws where a painting would refuse them. */
  async #upload() {
    const made = [];
    for (const sheet of this.sheets) made.push(sheet.labels.painted ? await upload(sheet, this.palette) : null);
    const [contentMask, ...styleMasks] = made;
    const names = this.palette.named(this.sheets.map((sheet) => sheet.labels));
    const checked = await api.checkMasks({ ...job(), content_mask: contentMask, style_masks: styleMasks, region_names: names });
    draft.contentMask = contentMask;
    draft.styles.forEach((style, index) => (style.mask = styleMasks[index]));
    draft.regions = checked.regions.map(({ name, color }) => ({ name, color }));
    draft.notes = checked.notices;
    draft.regionNames = names;
    if (draft.changed.keep) draft.changed.keep = draft.changed.keep.filter((name) => draft.regions.some((region) => region.name === name));
    if (this.tools.feather) draft.changed.feather = this.tools.feather;
    else delete draft.changed.feather;
  }

  #closed() {
    removeEventListener("beforeunload", this.unload);
    for (const pane of this.panes) pane.port.observer.disconnect();
  }
}
