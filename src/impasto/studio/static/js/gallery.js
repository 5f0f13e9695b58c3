// Past paintings, newest first; a sweep is one card. Filters, stars, and a selection of many.
import { api, previewUrl, resultUrl } from "./api.js";
import { button, el, fill } from "./dom.js";
import { ACTIVE, STATES, moment } from "./format.js";
import { filters, methodOf, selectionBar, styleOf } from "./gallery_view.js";
import { on } from "./state.js";

const EVERY_MS = 2500;

/** Ids of the paintings that the gallery shows, in its order: the next and the one before go by that. */
export let order = [];

export class Gallery {
  constructor(node) {
    this.node = node;
    this.jobs = [];
    this.selected = new Set();
    this.selecting = false;
    this.list = el("div", { class: "cards" });
    this.title = el("h1", { text: "Gallery" });
    this.select = button("Select", { icon: "check", on: { click: () => this.toggleSelecting() } });
    this.filters = filters(() => this.draw(this.jobs));
    this.bar = selectionBar(this);
    this.bar.node.hidden = true;
    node.append(el("header", { class: "page-head" }, this.title, this.select), this.filters.node, this.bar.node, this.list);
    on("gallery", (jobs) => this.draw(jobs));
    on("jobs", () => this.load());
  }

  async load() {
    const jobs = await api.jobs().catch(() => null);
    if (jobs) this.draw(jobs);
  }

  /** Look again now and then while this is shown and something is painted. */
  async open() {
    clearTimeout(this.timer);
    await this.load();
    const again = () => {
      if (this.node.hidden) return;
      this.open();
    };
    this.timer = setTimeout(again, this.jobs.some((job) => ACTIVE.includes(job.state)) ? EVERY_MS : EVERY_MS * 4);
  }

  draw(jobs) {
    this.jobs = jobs;
    document.getElementById("gallery-count").textContent = jobs.length ? String(jobs.length) : "";
    this.select.hidden = this.filters.node.hidden = !jobs.length;
    this.filters.update(jobs);
    for (const id of this.selected) if (!jobs.some((job) => job.id === id)) this.selected.delete(id);
    const shown = jobs.filter((job) => this.filters.passes(job));
    order = shown.filter((job) => !job.sweep).map((job) => job.id);
    const seen = JSON.stringify([this.selecting, [...this.selected], shown.map((job) => [job.id, job.state, job.kept, job.preview_version, job.step, job.title, job.starred])]);
    if (seen === this.seen) return;
    this.seen = seen;
    this.bar.update();
    if (!shown.length) {
      fill(this.list, jobs.length ? nothingPasses(() => (this.filters.clear(), this.draw(this.jobs))) : nothingYet());
      return;
    }
    const sweeps = new Map();
    for (const job of shown) if (job.sweep) sweeps.set(job.sweep, [...(sweeps.get(job.sweep) ?? []), job]);
    const cards = [];
    for (const job of shown) {
      if (!job.sweep) cards.push(this.#card(job));
      else if (sweeps.has(job.sweep)) {
        cards.push(this.#sweep(job.sweep, sweeps.get(job.sweep)));
        sweeps.delete(job.sweep);
      }
    }
    const focused = document.activeElement?.dataset?.card;
    fill(this.list, cards);
    if (focused) this.list.querySelector(`[data-card="${focused}"]`)?.focus();
  }

  #card(job) {
    const open = (event) => {
      if (!this.selecting) return;
      event.preventDefault();
      this.#choose([job.id]);
    };
    const said = job.state === "done" || job.state === "stopped" ? [methodOf(job), styleOf(job)].filter(Boolean).join(" · ") : state(job);
    return el(
      "a",
      {
        class: `card ${this.selected.has(job.id) ? "chosen" : ""}`,
        href: `#picture/${job.id}`,
        title: job.title,
        data: { card: job.id },
        "aria-current": this.selected.has(job.id) ? "true" : null,
        on: { click: open },
      },
      el("span", { class: "card-picture" }, thumbnail(job), job.clip && el("span", { class: "clip-badge", text: "Clip" }), job.starred && el("span", { class: "card-star", text: "★", title: "Starred" })),
      el("span", { class: "card-title", text: job.title }),
      el("span", { class: "card-line hint" }, said),
      el("span", { class: "card-line hint", text: moment(job.finished ?? job.created) }),
    );
  }

  #sweep(id, jobs) {
    const shown = [...jobs].reverse().slice(0, 4);
    const chosen = jobs.every((job) => this.selected.has(job.id));
    const open = (event) => {
      if (!this.selecting) return;
      event.preventDefault();
      this.#choose(jobs.map((job) => job.id));
    };
    return el(
      "a",
      { class: `card sweep-card ${chosen ? "chosen" : ""}`, href: `#sweep/${id}`, data: { card: id }, on: { click: open } },
      el("span", { class: "card-picture four" }, shown.map((job) => el("span", {}, thumbnail(job)))),
      el("span", { class: "card-title", text: `Sweep: ${jobs[0].title}` }),
      el("span", { class: "card-line hint", text: `${jobs.filter((job) => job.kept).length} of ${jobs.length} pictures` }),
    );
  }

  toggleSelecting() {
    this.selecting = !this.selecting;
    if (!this.selecting) this.selected.clear();
    this.bar.node.hidden = !this.selecting;
    this.select.hidden = this.selecting;
    this.draw(this.jobs);
  }

  selectAll() {
    const all = this.jobs.filter((job) => this.filters.passes(job)).map((job) => job.id);
    this.selected = new Set(this.selected.size === all.length ? [] : all);
    this.draw(this.jobs);
  }

  #choose(ids) {
    const all = ids.every((id) => this.selected.has(id));
    for (const id of ids) this.selected[all ? "delete" : "add"](id);
    this.draw(this.jobs);
  }
}

function nothingYet() {
  return el(
    "div",
    { class: "nothing" },
    el("p", { class: "welcome-title", text: "Nothing painted yet." }),
    el("p", { class: "hint", text: "Every picture you paint is kept here, with the settings it was painted with." }),
    el("a", { class: "button primary", href: "#paint", text: "Paint the first one" }),
  );
}

function nothingPasses(clear) {
  return el("div", { class: "nothing" }, el("p", { class: "hint", text: "No painting is like that." }), button("Show all", { on: { click: clear } }));
}

/** A small picture of a painting, as far as there is one. */
export function thumbnail(job, size = 384) {
  if (job.kept) return el("img", { src: resultUrl(job, size), alt: "", loading: "lazy" });
  if (job.preview_version) return el("img", { src: previewUrl(job), alt: "", loading: "lazy" });
  return el("span", { class: "no-picture", text: STATES[job.state] });
}

/** Its state in a word, and how far it is. */
export function state(job) {
  const steps = job.state === "running" && job.total_steps ? `, ${Math.round((100 * job.step) / job.total_steps)} %` : "";
  return el("span", { class: `pill ${job.state}`, text: `${STATES[job.state]}${steps}` });
}
