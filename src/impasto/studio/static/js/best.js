// Which of several paintings is the best: two at a time, each pair chosen by the answers so far, until that is sure.
import { api, pictureUrl, resultUrl } from "./api.js";
import { adoptJob } from "./adopt.js";
import { button, el, errorLine, fill, speak, toast } from "./dom.js";
import { methodOf, styleOf } from "./gallery_view.js";
import { lost } from "./lost.js";
import { pictures, tell } from "./state.js";

/** Long side in which pictures are compared, pixels. */
const SHOWN = 1024;
const KEYS = { 1: "left", 2: "right", 0: "tie", ArrowLeft: "left", ArrowRight: "right" };

let open = null;

/** Open the view on paintings by their ids. */
export async function openBest(node, ids) {
  const best = new Best(node);
  open = best;
  await best.begin(ids);
}

addEventListener("keydown", (event) => {
  if (!open || open.node.hidden || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
  if (event.key in KEYS) open.answer(KEYS[event.key]);
  else if (event.key === "Backspace") open.undo();
  else return;
  event.preventDefault();
});

class Best {
  constructor(node) {
    this.node = node;
    this.trouble = errorLine();
    this.busy = true;
    this.jobs = new Map();
  }

  async begin(ids) {
    fill(this.node, el("p", { class: "hint", text: "Loading…" }));
    try {
      const jobs = await Promise.all(ids.map((id) => api.job(id)));
      this.jobs = new Map(jobs.map((job) => [job.id, job]));
      await this.show(await api.openChoice(ids));
    } catch (error) {
      lost(this.node, error);
    }
    this.busy = false;
  }

  answer(choice) {
    const { state } = this;
    if (state && !state.over && !this.ended) this.act(() => api.answerChoice(state.choice, { number: state.number, choice, seconds: (performance.now() - this.since) / 1000 }));
  }

  undo() {
    if (this.state?.number) this.act(() => api.undoChoice(this.state.choice));
  }

  async act(ask) {
    if (this.busy) return;
    this.busy = true;
    this.trouble.clear();
    try {
      this.ended = false;
      await this.show(await ask());
    } catch (error) {
      this.trouble.show(error);
      // Another page was quicker: go on with what is asked now.
      await api.choice(this.state.choice).then((state) => this.show(state)).catch(() => {});
    }
    this.busy = false;
  }

  async show(state) {
    this.state = state;
    if (state.over || this.ended) {
      this.#end();
      return;
    }
    const sides = ["left", "right"].map((side) => [side, this.jobs.get(state[side])]);
    const images = sides.map(([side, job]) => el("img", { src: resultUrl(job, SHOWN), alt: `The painting on the ${side}` }));
    // No side is seen before the other.
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    const job = sides[0][1];
    // In a narrow window one lies above the other.
    const [left, tie, right] = matchMedia("(max-width: 760px)").matches ? ["Upper", "Same", "Lower"] : ["Left", "No difference", "Right"];
    const beside = [job.content, ...job.styles].filter((id) => id && pictures.has(id)).slice(0, 2);
    fill(
      this.node,
      el(
        "header",
        { class: "page-head" },
        el("div", {}, el("a", { class: "back", href: "#gallery", text: "‹ Gallery" }), el("h1", { text: "Which is the better painting?" })),
        el("p", { class: "hint", role: "status", text: `Question ${state.number + 1} of ${state.most} at most` }),
      ),
      this.trouble.node,
      el(
        "div",
        { class: "best-pair" },
        sides.map(([side], index) => el("button", { type: "button", class: "best-side", "aria-label": `The ${[left, right][index].toLowerCase()} one is better`, on: { click: () => this.answer(side) } }, images[index])),
      ),
      el(
        "div",
        { class: "best-foot" },
        el("div", { class: "best-beside", "aria-hidden": "true" }, beside.map((id) => el("img", { src: pictureUrl(id, 192), alt: "" }))),
        button("Take back", { icon: "undo", disabled: !state.number, on: { click: () => this.undo() } }),
        button(left, { kind: "primary", title: "1 or ←", on: { click: () => this.answer("left") } }),
        button(tie, { title: "0", on: { click: () => this.answer("tie") } }),
        button(right, { kind: "primary", title: "2 or →", on: { click: () => this.answer("right") } }),
        state.number > 0 && button("That is enough", { on: { click: () => ((this.ended = true), this.#end()) } }),
      ),
    );
    this.since = performance.now();
  }

  #end() {
    const { ranking, certainty, number } = this.state;
    const first = this.jobs.get(ranking[0].job);
    speak(`The best is ${first.title}.`);
    fill(
      this.node,
      el("header", { class: "page-head" }, el("div", {}, el("a", { class: "back", href: "#gallery", text: "‹ Gallery" }), el("h1", { text: number ? "This one is the best" : "Nothing was compared" }))),
      el(
        "div",
        { class: "best-end" },
        el("a", { class: "best-first", href: `#picture/${first.id}`, "aria-label": first.title }, el("img", { src: resultUrl(first, SHOWN), alt: first.title })),
        el(
          "section",
          { "aria-label": "What you preferred" },
          certainty !== null && el("p", { text: `With ${Math.round(certainty * 100)} % certainty, after ${number} ${number === 1 ? "answer" : "answers"}.` }),
          el(
            "div",
            { class: "actions" },
            button("Use these settings", {
              kind: "primary",
              on: {
                click: () => {
                  adoptJob(first);
                  location.hash = "#paint";
                },
              },
            }),
            button("Star it", {
              icon: "star",
              on: {
                click: async () => {
                  await api.change(first.id, { starred: true }).then(() => toast("It has a star."), (error) => toast(error.message));
                  tell("jobs");
                },
              },
            }),
            button("Take the last answer back", { icon: "undo", disabled: !number, on: { click: () => this.undo() } }),
          ),
          el(
            "ol",
            { class: "best-ranking" },
            ranking.map((row) => {
              const job = this.jobs.get(row.job);
              return el(
                "li",
                {},
                el("a", { href: `#picture/${job.id}` }, el("img", { src: resultUrl(job, 192), alt: "" }), el("span", { text: job.title })),
                el("span", { class: "hint", text: [methodOf(job), styleOf(job)].filter(Boolean).join(" · ") }),
                el("span", { class: "hint", text: `preferred ${row.wins} of ${row.wins + row.ties + row.losses}` }),
              );
            }),
          ),
        ),
      ),
    );
  }
}
