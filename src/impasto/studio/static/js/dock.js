// The line under the picture: what it would take, start; then how far it is, pause, stop, cancel; then what to do with it.
import { api, clipUrl, downloadUrl } from "./api.js";
import { openCommand } from "./command.js";
import { button, debounced, el, errorLine, fill, speak } from "./dom.js";
import { job as described, missing } from "./fitting.js";
import { ACTIVE, STATES, bytes, dimensions, duration, words } from "./format.js";
import { reveal, unreadable } from "./settings.js";
import { draft, on, same, tell } from "./state.js";

const ESTIMATE_MS = 600;

export class Dock {
  /** `session`: what is painted and shown (session.js). */
  constructor(node, session) {
    this.session = session;
    /** Why the estimate fails, and why the button did nothing: the second stays until something else is chosen. */
    this.trouble = errorLine();
    this.refusal = errorLine();
    this.estimate = el("p", { class: "estimate hint", "aria-live": "polite" });
    this.start = button("Paint", { kind: "primary big", icon: "brush", on: { click: () => this.paint() } });
    this.start.title = "Paint (Ctrl Enter)";
    this.bar = el("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, el("span"));
    this.line = el("p", { class: "progress-line" });
    this.notice = el("p", { class: "hint notice-line", hidden: true });
    this.buttons = el("div", { class: "actions dock-actions" });
    this.status = el("div", { class: "status", hidden: true }, el("div", { class: "status-row" }, this.line, this.buttons), this.bar, this.notice);
    node.append(this.status, el("div", { class: "start-row" }, el("div", { class: "start-text" }, this.estimate, this.trouble.node, this.refusal.node), this.start));
    this.asking = false;
    this.again = false;
    const ask = debounced(ESTIMATE_MS, () => this.ask());
    for (const event of ["sources", "recipe", "fields"]) {
      on(event, () => {
        this.ready();
        ask();
      });
    }
    this.ready();
    ask();
  }

  /** Something else is chosen: what was said of it before is no longer true. */
  ready() {
    const lacking = missing();
    this.start.disabled = Boolean(lacking);
    this.trouble.clear();
    this.refusal.clear();
    this.estimate.textContent = lacking || "Working out what it takes…";
    this.start.lastChild.textContent = draft.content || !draft.styles.length ? "Paint" : draft.contentMask ? "Paint the doodle" : "Paint a texture";
  }

  /** Ask what the painting would take: one question at a time, and never an old one's answer. */
  async ask() {
    if (missing()) return;
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    this.again = false;
    const asked = described();
    const current = () => !missing() && same(asked, described());
    try {
      const estimate = await api.estimate(asked);
      if (current()) {
        const tiles = estimate.tiles > 1 ? ` in ${estimate.tiles} tiles` : "";
        this.estimate.textContent = `About ${duration(estimate.seconds)}, ${bytes(estimate.memory_bytes)} of memory, ${dimensions(estimate.size)} pixels${tiles}.`;
        this.trouble.clear();
      }
    } catch (error) {
      if (current()) {
        this.estimate.textContent = "";
        // What was said when the button was pressed stays, and need not be said twice.
        if (error.status !== 0 && this.refusal.node.hidden) this.trouble.show(error);
      }
    }
    this.asking = false;
    if (this.again) this.ask();
  }

  async paint() {
    if (document.querySelector("dialog[open]")) return;
    // What is typed and not yet left counts; what cannot be read is not painted without.
    const wrong = unreadable();
    if (wrong) {
      this.trouble.clear();
      this.refusal.show(`${words(wrong)} cannot be read; correct it, or reset it.`);
      reveal(wrong);
      return;
    }
    if (this.start.disabled) return;
    this.start.disabled = true;
    this.trouble.clear();
    this.refusal.clear();
    try {
      const busy = this.session.busy();
      const made = await api.start(described());
      tell("jobs");
      if (busy) speak("It waits in the queue until the paintings before it are done.");
      else this.session.follow(made);
    } catch (error) {
      this.refusal.show(error);
    }
    this.start.disabled = Boolean(missing());
  }

  /** Show how a painting is. */
  show(job) {
    this.status.hidden = !job;
    if (!job) return;
    const part = job.total_steps ? job.step / job.total_steps : job.state === "done" ? 1 : 0;
    const percent = Math.round(100 * part);
    this.bar.firstChild.style.transform = `scaleX(${part})`;
    this.bar.setAttribute("aria-valuenow", String(percent));
    this.bar.classList.toggle("unsure", job.state === "running" && !job.total_steps);
    this.bar.hidden = !ACTIVE.includes(job.state);
    this.line.replaceChildren(...this.words(job));
    const last = job.notices?.at(-1);
    this.notice.hidden = !last;
    this.notice.textContent = last ?? "";
    this.notice.title = (job.notices ?? []).join("\n");
    if (this.drawn !== `${job.id} ${job.state} ${job.kept}`) {
      this.drawn = `${job.id} ${job.state} ${job.kept}`;
      const focused = document.activeElement?.dataset?.action;
      fill(this.buttons, this.actions(job));
      if (focused) (this.buttons.querySelector(`[data-action="${focused}"]`) ?? this.buttons.querySelector("button"))?.focus();
    }
    const tenth = `${job.id} ${job.state} ${Math.floor(percent / 10)}`;
    if (this.spoken !== tenth) {
      this.spoken = tenth;
      speak(job.state === "running" && job.total_steps ? `${percent} percent painted` : `The painting is ${STATES[job.state]}.`);
    }
  }

  words(job) {
    const strong = (text) => el("b", { text });
    if (job.state === "queued") return [strong("Waiting"), " for its turn"];
    if (job.state === "failed" || job.state === "interrupted") return [strong(job.state === "failed" ? "It failed: " : "It was interrupted: "), job.error ?? "no reason was given"];
    if (job.state === "cancelled") return [strong("Cancelled")];
    const steps = job.total_steps ? `${job.clip ? "frame" : "step"} ${job.step} of ${job.total_steps}` : "";
    if (job.state === "done" || job.state === "stopped") {
      const took = job.elapsed_s ? ` in ${duration(job.elapsed_s)}` : "";
      return [strong(job.state === "done" ? "Finished" : "Stopped"), `${took}${job.state === "stopped" && steps ? `, ${steps}` : ""} · ${dimensions(job.size)}`];
    }
    if (!job.total_steps) return [strong("Starting"), " …"];
    const parts = [steps];
    if (job.levels > 1 && !job.clip) parts.push(dimensions(job.size));
    if (job.state === "running" && job.eta_s !== null) parts.push(`${duration(job.eta_s)} left`);
    const word = { paused: "Paused", stopping: "Stopping" }[job.state];
    return [word ? strong(word) : strong(`${Math.round((100 * job.step) / job.total_steps)} %`), ` · ${parts.join(" · ")}`];
  }

  actions(job) {
    const act = (label, action, name, more = {}) =>
      button(label, { icon: name, data: { action }, on: { click: () => this.session.act(action) }, ...more });
    const curves = !job.clip && button("Losses", { icon: "chart", quiet: ACTIVE.includes(job.state), data: { action: "curves" }, title: "Loss curves (L)", on: { click: () => this.session.toggleCurves() } });
    if (ACTIVE.includes(job.state)) {
      return [
        job.state === "running" && act("Pause", "pause", "pause"),
        job.state === "paused" && act("Go on", "resume", "play"),
        ["running", "paused"].includes(job.state) && act("Stop and keep", "stop", "check"),
        job.state !== "stopping" && act("Cancel", "cancel", "close"),
        curves,
      ];
    }
    const kept = job.kept
      ? [
          job.clip && el("a", { class: "button", href: clipUrl(job.id, true), download: "", data: { action: "mp4" }, text: "Download MP4" }),
          ...(job.clip ? [] : ["png", "jpeg", "webp"]).map((format) =>
            el("a", { class: `button ${format === "png" ? "" : "slim"}`, href: downloadUrl(job.id, format), download: "", data: { action: format } }, format === "png" ? "Download PNG" : format === "jpeg" ? "JPEG" : "WebP"),
          ),
          button("Command", { data: { action: "command" }, on: { click: () => openCommand(job.id) } }),
        ]
      : [];
    const retry = ["failed", "interrupted", "cancelled", "stopped"].includes(job.state);
    return [...kept, retry && act("Try again", "retry", "reset"), curves];
  }
}
