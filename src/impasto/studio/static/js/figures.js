// What metrics say of a painting: three lines to begin with, each with its figures below.
import { api } from "./api.js";
import { button, el, errorLine, fill } from "./dom.js";

/** A place for the figures of a painting: a button first, as measuring takes a while. */
export function figures(job) {
  if (!job.kept || !job.styles.length) return null;
  const trouble = errorLine();
  const ask = button("How good is it?", { icon: "chart", on: { click: measure } });
  const node = el("section", { class: "figures", "aria-label": "Figures" }, ask, trouble.node);
  async function measure() {
    trouble.clear();
    ask.disabled = true;
    ask.lastChild.textContent = "Comparing…";
    try {
      const found = await api.figures(job.id);
      fill(node, el("h2", { text: "How good is it?" }), found.groups.map(group), found.notes.map((text) => el("p", { class: "hint", text })));
    } catch (error) {
      trouble.show(error);
      ask.disabled = false;
      ask.lastChild.textContent = "How good is it?";
    }
  }
  return node;
}

function group({ title, word, grade, rows }) {
  return el(
    "details",
    { class: "figure-group" },
    el("summary", {}, el("span", { text: title }), chip(grade, word)),
    el(
      "dl",
      { class: "figure-rows" },
      rows.map((row) => el("div", { title: row.meaning }, el("dt", { text: row.title }), el("dd", {}, el("span", { class: "number", text: String(row.value) }), chip(row.grade, row.word)))),
    ),
  );
}

/** A grade in a word, with a colour that says no more than the word. */
const chip = (grade, word) => (word ? el("span", { class: `grade ${grade}`, text: word }) : null);
