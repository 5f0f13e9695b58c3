// The middle of the page: the pictures that were chosen, then the painting as it grows.
import { pictureUrl, previewUrl, resultUrl } from "./api.js";
import { Curves } from "./curves.js";
import { button, el, fill } from "./dom.js";
import { ACTIVE } from "./format.js";
import { player } from "./player.js";
import { pickContent, pickStyle } from "./sources.js";
import { addStyle, draft, known, on, pictures, setContent } from "./state.js";
import { Viewer } from "./viewer.js";

const MODES = [
  ["pictures", "Pictures"],
  ["painting", "Painting"],
  ["wipe", "Before / after"],
];

export class Stage {
  constructor(node) {
    this.node = node;
    this.mode = "pictures";
    this.job = null;
    this.viewer = new Viewer({ label: "The painting" });
    this.curves = new Curves();
    this.curves.node.hidden = true;
    /** Where a painted clip plays, in place of the viewer. */
    this.screen = el("div", { class: "screen", hidden: true });
    this.tabs = MODES.map(([mode, label]) =>
      el("button", { type: "button", class: "segment", text: label, data: { mode }, on: { click: () => this.show(mode) } }),
    );
    this.head = el("div", { class: "stage-head" }, el("div", { class: "segments", role: "group", "aria-label": "What is shown" }, this.tabs));
    this.board = el("div", { class: "board" });
    node.append(this.head, this.board, this.viewer.node, this.screen, this.curves.node);
    on("sources", () => {
      this.#pictures();
      // Other pictures were chosen: those are of interest, unless something is being painted.
      if (!this.job || !ACTIVE.includes(this.job.state)) this.show("pictures");
    });
    this.show("pictures");
    this.#pictures();
  }

  show(mode) {
    if (mode !== "pictures" && !this.job) mode = "pictures";
    if (mode === "wipe" && !this.job.content) mode = "painting";
    this.mode = mode;
    this.head.hidden = !this.job;
    this.board.hidden = mode !== "pictures";
    const plays = mode === "painting" && this.job?.clip && this.job.kept;
    this.viewer.node.hidden = mode === "pictures" || plays;
    this.#play(plays ? this.job : null);
    for (const tab of this.tabs) {
      tab.setAttribute("aria-pressed", String(tab.dataset.mode === mode));
      tab.hidden = tab.dataset.mode === "wipe" && !this.job?.content;
    }
    this.viewer.compare(mode === "wipe" ? pictureUrl(this.job.content, 2048) : null);
    if (mode !== "pictures") this.refresh();
  }

  #play(job) {
    this.screen.hidden = !job;
    const now = job ? `${job.id} ${job.finished}` : "";
    if (this.playing === now) return;
    this.playing = now;
    fill(this.screen, job && player(job));
  }

  toggle(mode) {
    this.show(this.mode === mode ? "painting" : mode);
  }

  toggleCurves() {
    this.curves.node.hidden = !this.curves.node.hidden;
    return !this.curves.node.hidden;
  }

  /** Turn to a painting (its job), or away from all. */
  follow(job) {
    if (this.job?.id !== job?.id) this.viewer.clear();
    const began = job && this.job?.id !== job.id;
    this.job = job;
    this.show(began ? "painting" : this.mode);
  }

  /** Show the latest of the painting. */
  refresh() {
    const { job } = this;
    if (!job) return;
    this.viewer.node.classList.toggle("waiting", !job.kept && !job.preview_version);
    const size = this.finalSize(job);
    if (job.kept) this.viewer.show(resultUrl(job), job.size ?? size);
    else if (job.preview_version) this.viewer.show(previewUrl(job), size);
    else if (job.content) this.viewer.show(pictureUrl(job.content, 1024), size);
  }

  /** [height, width] that the painting will have: previews are smaller, and the view does not jump. */
  finalSize(job) {
    const content = pictures.get(job.content);
    const { size } = job.recipe;
    if (!content) return job.size ?? (Number.isInteger(size) ? [size, size] : [1, 1]);
    // "content" is the photograph's own size, "200%" twice that.
    const percent = size === "content" ? 100 : Number.parseFloat(size);
    const scale = Number.isInteger(size) ? size / Math.max(content.width, content.height) : percent / 100;
    return [Math.max(1, Math.round(content.height * scale)), Math.max(1, Math.round(content.width * scale))];
  }

  #pictures() {
    if (!draft.content && !draft.contentMask && !draft.styles.length) {
      fill(this.board, welcome());
      this.board.className = "board empty";
      return;
    }
    this.board.className = "board";
    const frame = (picture, label, choose) =>
      picture
        ? el(
            "figure",
            { class: "frame" },
            el("img", { src: pictureUrl(picture.id, 1400), alt: `${label}: ${picture.name}` }),
          )
        : button(label, { kind: "frame-empty", icon: "image", on: { click: choose } });
    fill(
      this.board,
      draft.content || !draft.contentMask
        ? frame(draft.content, draft.content ? "Photograph" : "Choose a photograph", pickContent)
        : frame(pictures.get(draft.contentMask), "Doodle", pickContent),
      el(
        "div",
        { class: "frames-styles", data: { count: String(Math.min(4, draft.styles.length)) } },
        draft.styles.length
          ? draft.styles.map((style) => frame(style.picture, "Painting", pickStyle))
          : frame(null, "Choose a painting", pickStyle),
      ),
    );
  }
}

function welcome() {
  const { photos, styles } = known.samples;
  const any = (list) => list[Math.floor(Math.random() * list.length)];
  const example = () => {
    setContent(any(photos));
    addStyle(any(styles));
  };
  return el(
    "div",
    { class: "welcome" },
    el("p", { class: "welcome-title", text: "A photograph, painted like a painting." }),
    el("p", { class: "welcome-line", text: "Drop a photograph here, then a painting. Everything stays on this machine." }),
    el(
      "div",
      { class: "actions" },
      button("Choose a photograph", { kind: "primary", on: { click: pickContent } }),
      photos.length > 0 && styles.length > 0 && button("Try an example", { on: { click: example } }),
    ),
    el(
      "div",
      { class: "welcome-strip", "aria-hidden": "true" },
      styles.slice(0, 6).map((picture) => el("img", { src: pictureUrl(picture.id, 192), alt: "" })),
    ),
  );
}
