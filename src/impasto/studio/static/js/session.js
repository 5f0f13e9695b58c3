// What is being painted and shown: follows one job's events, and keeps stage and dock up to date.
import { api } from "./api.js";
import { connection } from "./connection.js";
import { Dock } from "./dock.js";
import { speak, toast } from "./dom.js";
import { ACTIVE } from "./format.js";
import { watch } from "./live.js";
import { Queue } from "./queue.js";
import { tell } from "./state.js";

/** What was shown before a reload. */
const SHOWN = "impasto.shown";

export class Session {
  constructor(stage, dockNode) {
    this.stage = stage;
    this.job = null;
    this.heard = 0;
    this.unwatch = () => {};
    this.dock = new Dock(dockNode, this);
    this.queue = new Queue(dockNode, this);
    connection.onReturn(() => this.refresh());
  }

  busy() {
    return this.queue.busy || (this.job !== null && ["queued", "running", "stopping"].includes(this.job.state));
  }

  /** Turn to what is painted now, if anything is. */
  async refresh() {
    try {
      const jobs = await api.jobs();
      tell("gallery", jobs);
      const shown = this.job?.id ?? sessionStorage.getItem(SHOWN);
      const mine = jobs.find((job) => job.id === shown);
      const next = mine && ACTIVE.includes(mine.state) ? mine : active(jobs);
      if (next) this.follow(next);
      else if (mine) this.follow(mine);
    } catch {
      // The banner says that there is no answer, and this is called again when there is.
    }
  }

  /** Show a painting, and watch it until it is over. */
  follow(job) {
    this.unwatch();
    if (this.job?.id !== job.id) this.stage.curves.clear();
    this.#update(job);
    this.#curves();
    this.unwatch = ACTIVE.includes(job.state) ? watch(job.id, (event, data) => this.#hear(job.id, event, data)) : () => {};
  }

  #hear(id, event, data) {
    if (this.job?.id !== id) return;
    if (event === "job" || event === "end") this.heard++;
    if (event === "job") this.#update(data);
    else if (event === "progress") {
      this.#update({ ...this.job, ...data });
      this.stage.curves.add(data);
    } else if (event === "preview") this.#update({ ...this.job, preview_version: data.version });
    else if (event === "notice") this.#update({ ...this.job, notices: [...(this.job.notices ?? []), data.text] });
    else if (event === "end") {
      this.#update(data);
      this.#ended(data);
    }
  }

  #ended(job) {
    if (job.state === "done") speak("The painting is finished.");
    if (job.state === "failed") speak(`The painting failed: ${job.error}`);
    // What is finished stays to be looked at; the queue shows what is painted next.
    this.#curves();
    setTimeout(() => tell("jobs"), 800);
  }

  async #curves() {
    const { id } = this.job;
    const curves = await api.history(id).catch(() => null);
    // News that came in the meantime are newer.
    if (curves && this.job?.id === id && curves.steps.length >= this.stage.curves.steps.length) this.stage.curves.load(curves);
  }

  #update(job) {
    this.job = job;
    sessionStorage.setItem(SHOWN, job.id);
    this.queue.draw();
    this.stage.follow(job);
    this.dock.show(job);
  }

  async act(action) {
    const { id } = this.job;
    const heard = this.heard;
    try {
      const job = await api.act(id, action);
      if (action === "retry") this.follow(job);
      // The events may be quicker than the answer, and then they know more.
      else if (this.heard === heard && this.job.id === id) this.#update({ ...this.job, ...job });
      tell("jobs");
    } catch (error) {
      toast(error.message);
    }
  }

  toggleCurves() {
    this.stage.toggleCurves();
  }
}

/** What is painted now, or would be next. */
function active(jobs) {
  const order = ["running", "stopping", "paused", "queued"];
  const going = jobs.filter((job) => ACTIVE.includes(job.state));
  going.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.created < b.created ? -1 : 1));
  return going[0] ?? null;
}
