// The queue: what is painted now and what waits, in order; how far it is in the title of the page; a word when it is done.
import { api, pictureUrl, previewUrl } from "./api.js";
import { button, el, fill, toast } from "./dom.js";
import { ACTIVE, STATES } from "./format.js";
import { watchAll } from "./live.js";
import { on, tell } from "./state.js";

const DRAW_MS = 120;
const ORDER = ["running", "stopping", "queued", "paused"];
const NOTIFY = "impasto.notify";

export class Queue {
  /** `session`: what is painted and shown (session.js). */
  constructor(node, session) {
    this.session = session;
    this.jobs = new Map();
    this.list = el("ol", { class: "queue-list" });
    this.bell = button("Tell me", { icon: "bell", quiet: true, on: { click: () => this.#ask() } });
    this.node = el("section", { class: "queue", "aria-label": "Queue", hidden: true }, this.list, this.bell);
    node.prepend(this.node);
    // Not debounced: steps that follow one another within that time would put it off until the painting ends.
    this.waiting = 0;
    this.draw = () => {
      this.waiting ||= setTimeout(() => {
        this.waiting = 0;
        this.#draw();
      }, DRAW_MS);
    };
    // A line that is drawn anew between press and release would lose the click.
    this.pressed = false;
    this.list.addEventListener("pointerdown", () => {
      this.pressed = true;
    });
    for (const type of ["pointerup", "pointercancel"]) addEventListener(type, () => this.#release());
    watchAll((event, data, id) => this.#hear(event, data, id));
    on("jobs", () => this.#load());
    this.#drawBell();
  }

  /** Whether anything is painted, or waits to be. */
  get busy() {
    return [...this.jobs.values()].some((job) => job.state !== "paused");
  }

  async #load() {
    const jobs = await api.jobs().catch(() => null);
    if (!jobs) return;
    this.jobs = new Map(jobs.filter((job) => ACTIVE.includes(job.state)).map((job) => [job.id, job]));
    this.draw();
  }

  #hear(event, data, id) {
    if (event === "open") {
      this.#load();
      return;
    }
    const job = this.jobs.get(id);
    if (event === "job" || event === "end") {
      if (ACTIVE.includes(data.state)) this.jobs.set(id, data);
      else this.jobs.delete(id);
      if (event === "end") {
        this.#notify(data);
        tell("ended", data);
      }
    } else if (job && event === "progress") Object.assign(job, data);
    else if (job && event === "preview") job.preview_version = data.version;
    this.draw();
  }

  #release() {
    if (!this.pressed) return;
    this.pressed = false;
    this.draw();
  }

  #sorted() {
    return [...this.jobs.values()].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.place - b.place);
  }

  #draw() {
    const jobs = this.#sorted();
    const running = jobs.find((job) => job.state === "running" && job.total_steps);
    document.title = `${running ? `${percent(running)} % · ` : ""}${document.title.replace(/^\d+ % · /, "")}`;
    // One painting that is shown anyway has its own line.
    this.node.hidden = !jobs.length || (jobs.length === 1 && jobs[0].id === this.session.job?.id);
    if (this.node.hidden || this.pressed) return;
    const focused = document.activeElement?.dataset?.queue;
    fill(this.list, jobs.map((job) => this.#item(job)));
    if (focused) this.list.querySelector(`[data-queue="${focused}"]`)?.focus();
  }

  #item(job) {
    const here = job.id === this.session.job?.id;
    const said = job.state === "running" && job.total_steps ? `${percent(job)} %` : STATES[job.state];
    const picture = job.preview_version ? previewUrl(job) : (job.content ?? job.content_mask) ? pictureUrl(job.content ?? job.content_mask, 96) : pictureUrl(job.styles[0] ?? "", 96);
    const act = async (action) => {
      await api.act(job.id, action).catch((error) => toast(error.message));
      tell("jobs");
    };
    return el(
      "li",
      { class: "queue-item", "aria-current": here ? "true" : null },
      el(
        "button",
        { type: "button", class: "queue-show", data: { queue: `${job.id} show` }, "aria-label": `${job.title}, ${said}: show it`, on: { click: () => this.session.follow(job) } },
        el("img", { src: picture, alt: "" }),
        el("span", {}, el("span", { class: "name", text: job.title }), el("span", { class: "hint", text: said })),
      ),
      job.state === "queued" && button(`Paint ${job.title} next`, { icon: "first", quiet: true, data: { queue: `${job.id} first` }, on: { click: () => act("first") } }),
      button(`Cancel ${job.title}`, { icon: "close", quiet: true, data: { queue: `${job.id} cancel` }, on: { click: () => act("cancel") } }),
    );
  }

  /** Ask the browser once whether it may say that a painting is done while nobody looks. */
  async #ask() {
    const wanted = localStorage.getItem(NOTIFY) !== "yes";
    if (wanted && Notification.permission !== "granted" && (await Notification.requestPermission()) !== "granted") {
      toast("This browser does not let the studio tell you; its settings for this page say why.");
      return;
    }
    localStorage.setItem(NOTIFY, wanted ? "yes" : "no");
    this.#drawBell();
  }

  #drawBell() {
    this.bell.hidden = typeof Notification === "undefined";
    const wanted = localStorage.getItem(NOTIFY) === "yes";
    this.bell.setAttribute("aria-pressed", String(wanted));
    this.bell.title = this.bell.ariaLabel = wanted ? "A notification comes when a painting is done; press for none" : "Notify me when a painting is done";
  }

  #notify(job) {
    if (!document.hidden || typeof Notification === "undefined" || Notification.permission !== "granted") return;
    if (localStorage.getItem(NOTIFY) !== "yes" || !["done", "failed"].includes(job.state)) return;
    const shown = new Notification(job.state === "done" ? "Painted" : "A painting failed", { body: job.title, tag: job.id });
    shown.onclick = () => {
      focus();
      location.hash = `#picture/${job.id}`;
    };
  }
}

const percent = (job) => Math.floor((100 * job.step) / job.total_steps);
