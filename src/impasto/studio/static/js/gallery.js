// Past paintings, newest first; a sweep is one card.
import { api, previewUrl, resultUrl } from "./api.js";
import { button, el, fill, toast } from "./dom.js";
import { ACTIVE, STATES, moment } from "./format.js";
import { on } from "./state.js";

const EVERY_MS = 2500;

export class Gallery {
  constructor(node) {
    this.node = node;
    this.jobs = [];
    this.comparing = null;
    this.list = el("div", { class: "cards" });
    this.title = el("h1", { text: "Gallery" });
    this.compare = button("Compare two", { icon: "swap", on: { click: () => this.#toggleCompare() } });
    this.hint = el("p", { class: "hint", hidden: true, role: "status" });
    node.append(el("header", { class: "page-head" }, this.title, this.compare), this.hint, this.list);
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
    this.compare.hidden = jobs.filter((job) => job.kept).length < 2;
    const seen = JSON.stringify([this.comparing, jobs.map((job) => [job.id, job.state, job.kept, job.preview_version, job.step])]);
    if (seen === this.seen) return;
    this.seen = seen;
    if (!jobs.length) {
      fill(
        this.list,
        el(
          "div",
          { class: "nothing" },
          el("p", { class: "welcome-title", text: "Nothing painted yet." }),
          el("p", { class: "hint", text: "Every picture you paint is kept here, with the settings it was painted with." }),
          el("a", { class: "button primary", href: "#paint", text: "Paint the first one" }),
        ),
      );
      return;
    }
    const sweeps = new Map();
    for (const job of jobs) if (job.sweep) sweeps.set(job.sweep, [...(sweeps.get(job.sweep) ?? []), job]);
    const cards = [];
    for (const job of jobs) {
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
    const chosen = this.comparing?.includes(job.id);
    const open = (event) => {
      if (!this.comparing) return;
      event.preventDefault();
      this.#choose(job);
    };
    return el(
      "a",
      { class: `card ${chosen ? "chosen" : ""}`, href: `#picture/${job.id}`, data: { card: job.id }, on: { click: open } },
      el("span", { class: "card-picture" }, thumbnail(job)),
      el("span", { class: "card-title", text: job.title }),
      el("span", { class: "card-line hint" }, job.state === "done" ? moment(job.finished ?? job.created) : state(job)),
    );
  }

  #sweep(id, jobs) {
    const shown = [...jobs].reverse().slice(0, 4);
    return el(
      "a",
      { class: "card sweep-card", href: `#sweep/${id}`, data: { card: id } },
      el("span", { class: "card-picture four" }, shown.map((job) => el("span", {}, thumbnail(job)))),
      el("span", { class: "card-title", text: `Sweep: ${jobs[0].title}` }),
      el("span", { class: "card-line hint", text: `${jobs.filter((job) => job.kept).length} of ${jobs.length} pictures` }),
    );
  }

  #toggleCompare() {
    this.comparing = this.comparing ? null : [];
    this.compare.lastChild.textContent = this.comparing ? "Leave comparing" : "Compare two";
    this.#say();
    this.draw(this.jobs);
  }

  #choose(job) {
    if (!job.kept) {
      toast("That one has no picture to compare.");
      return;
    }
    if (this.comparing.includes(job.id)) this.comparing = this.comparing.filter((id) => id !== job.id);
    else this.comparing.push(job.id);
    if (this.comparing.length === 2) {
      const [a, b] = this.comparing;
      this.comparing = null;
      this.compare.lastChild.textContent = "Compare two";
      location.hash = `#compare/${a}/${b}`;
    }
    this.#say();
    this.draw(this.jobs);
  }

  #say() {
    this.hint.hidden = !this.comparing;
    this.hint.textContent = this.comparing?.length ? "Now the second one." : "Choose two pictures.";
  }
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
