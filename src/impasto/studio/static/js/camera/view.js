// Live: what a camera sees, or a clip, painted by a network as fast as the machine can.
import { api, pictureUrl } from "../api.js";
import { button, el, errorLine, fill } from "../dom.js";
import { known, pictures } from "../state.js";
import { Painter } from "./painter.js";
import { record, records } from "./recorder.js";
import { openCamera, openFile } from "./source.js";

const SIZES = [192, 256, 320, 448];
/** The method that paints what its networks learnt, and the one for all other paintings. */
const [LEARNT, ANY] = ["johnson", "adain"];
/** Part of a frame that comes from the one before, where it is to be steady. */
const STEADY = 0.5;

export class Live {
  constructor(node) {
    this.node = node;
    this.video = el("video", { class: "live-camera", muted: true, playsInline: true, "aria-label": "What the camera sees" });
    this.canvas = el("canvas", { class: "live-picture", role: "img", "aria-label": "What the camera sees, painted" });
    this.painter = new Painter(this.video, this.canvas, (rate, dropped) => this.#tell(rate, dropped));
    this.trouble = errorLine();
    this.rate = el("p", { class: "live-rate hint" });
    this.empty = el("p", { class: "hint live-empty", text: "The camera is off. What it sees stays on this machine." });
    this.chosen = null;
    this.leave = null;
    /** Counts what was begun and ended: what belongs to an earlier turn is nobody's business any more. */
    this.turn = 0;
    this.opening = Promise.resolve();
    const file = el("input", { type: "file", class: "unseen", accept: "video/*", tabindex: "-1", "aria-label": "Clip file", on: { change: () => file.files.length && this.#start((video) => openFile(video, file.files[0])).then(() => (file.value = "")) } });
    this.begin = button("Start the camera", { kind: "primary", icon: "play", on: { click: () => this.#start(openCamera) } });
    this.clip = button("Paint a clip", { icon: "image", on: { click: () => file.click() } });
    this.stop = button("Stop", { icon: "stop", on: { click: () => this.close() } });
    this.record = button("Record", { icon: "record", on: { click: () => this.#record() } });
    this.size = el("select", { "aria-label": "Size in pixels", on: { change: () => this.#restyle() } }, SIZES.map((size) => el("option", { value: String(size), text: `${size} pixels`, selected: size === 256 })));
    this.steady = el("input", { type: "checkbox", on: { change: () => this.#restyle() } });
    this.styles = el("div", { class: "shelf live-styles", role: "group", "aria-label": "Styles" });
    node.append(
      el("header", { class: "page-head" }, el("h1", { text: "Live" })),
      el(
        "div",
        { class: "live-body" },
        el("section", { class: "live-stage", "aria-label": "The picture" }, this.empty, this.canvas, this.video),
        el(
          "section",
          { class: "live-side", "aria-label": "What is painted" },
          el("div", { class: "actions" }, this.begin, this.clip, file, this.stop, this.record),
          this.trouble.node,
          this.rate,
          el("div", { class: "live-settings" }, this.size, el("label", { class: "live-steady" }, this.steady, el("span", { text: "Steady, and slower" }))),
          el("h2", { text: "Paint like" }),
          this.styles,
        ),
      ),
    );
    this.#draw();
  }

  open() {
    this.#styles();
  }

  /** Turn the camera off. */
  close() {
    this.turn++;
    this.painter.stop();
    if (this.session) api.endLive(this.session).catch(() => {});
    this.session = null;
    this.leave?.();
    this.leave = null;
    if (this.ends) this.#record();
    this.#draw();
  }

  get running() {
    return this.leave !== null;
  }

  #styles() {
    const methods = new Map(known.schema.methods.map((method) => [method.name, method]));
    const learnt = (methods.get(LEARNT)?.networks ?? []).map((network) => ({ key: `n ${network}`, name: network.replaceAll("_", " "), picture: `style-${network}`, recipe: { method: LEARNT, network } }));
    const taken = new Set(learnt.map((style) => style.picture));
    const own = [...pictures.values()].filter((picture) => picture.role === "style");
    const any = methods.get(ANY)?.available
      ? [...new Map([...known.samples.styles, ...own].map((picture) => [picture.id, picture])).values()]
          .filter((picture) => !taken.has(picture.id))
          .map((picture) => ({ key: `s ${picture.id}`, name: picture.name.replace(/\.[^.]*$/, "").replaceAll("_", " "), picture: picture.id, styles: [picture.id], recipe: { method: ANY } }))
      : [];
    const all = [...learnt, ...any];
    this.chosen = all.find((style) => style.key === this.chosen?.key) ?? all[0] ?? null;
    fill(
      this.styles,
      all.map((style) =>
        el(
          "button",
          { type: "button", class: "thumb", "aria-pressed": String(style.key === this.chosen.key), on: { click: () => this.#choose(style) } },
          el("img", { src: pictureUrl(style.picture, 192), alt: "", loading: "lazy" }),
          el("span", { class: "name", text: style.name }),
        ),
      ),
    );
  }

  #choose(style) {
    this.chosen = style;
    this.#styles();
    this.#restyle();
  }

  async #start(open) {
    this.close();
    this.trouble.clear();
    this.begin.disabled = this.clip.disabled = true;
    try {
      this.leave = await open(this.video);
      this.#draw();
      await this.#paint();
    } catch (error) {
      this.close();
      this.trouble.show(error);
    }
    this.begin.disabled = this.clip.disabled = false;
    this.#draw();
  }

  /** Begin a session with the studio, and paint beside everything else. */
  async #paint() {
    const turn = ++this.turn;
    const { recipe, styles = [] } = this.chosen;
    const size = Number(this.size.value);
    this.canvas.hidden = true;
    this.rate.textContent = "Getting ready…";
    const failed = (error) => {
      if (this.turn !== turn) return;
      this.close();
      this.trouble.show(error);
    };
    const asked = { styles, recipe: { ...recipe, size }, smooth: this.steady.checked ? STEADY : 0 };
    // One after another: the studio paints for whoever asked last.
    const opening = this.opening.then(() => (this.turn === turn ? api.openLive(asked) : null));
    this.opening = opening.catch(() => {});
    let opened;
    try {
      opened = await opening;
    } catch (error) {
      failed(error);
      return;
    }
    if (this.turn === turn) {
      this.session = opened.session;
      this.painter.run(opened.session, size).catch(failed);
    } else if (opened && !this.running) api.endLive(opened.session).catch(() => {});
  }

  /** Something else was chosen while it paints. */
  async #restyle() {
    if (!this.running) return;
    this.painter.stop();
    await this.#paint();
  }

  async #record() {
    if (this.ends) {
      const ends = this.ends;
      this.ends = null;
      this.#draw();
      await ends();
    } else {
      this.ends = record(this.canvas);
      this.#draw();
    }
  }

  #tell(rate, dropped) {
    this.rate.textContent = `${rate.toFixed(1)} frames a second · ${dropped} dropped`;
    this.canvas.hidden = false;
  }

  #draw() {
    const { running } = this;
    this.empty.hidden = running;
    this.video.hidden = !running;
    this.begin.hidden = this.clip.hidden = running;
    this.stop.hidden = !running;
    this.record.hidden = !running || !records();
    this.record.lastChild.textContent = this.ends ? "Stop and save" : "Record";
    this.record.setAttribute("aria-pressed", String(Boolean(this.ends)));
    if (!running) {
      this.canvas.hidden = true;
      this.rate.textContent = "";
    }
  }
}
