// Sweeps: one or two settings in several values, and the pictures as a grid.
import { api } from "./api.js";
import { button, dialog, el, errorLine, fill } from "./dom.js";
import { parse } from "./fields.js";
import { ACTIVE, setting, words } from "./format.js";
import { state, thumbnail } from "./gallery.js";
import { CHOSEN_FROM, bestOf, titleOf } from "./gallery_view.js";
import { changeable, choices, job, missing, value } from "./fitting.js";
import { lost } from "./lost.js";
import { known, pictures, tell } from "./state.js";

const MOST = 36;
const EVERY_MS = 2000;
/** What a grid may go over beside settings. */
const PICTURES = { content: "Photograph", style: "Painting" };
const axisName = (key) => PICTURES[key] ?? words(key);
const EXAMPLES = { style_weight: "10, 100, 1000", style_scale: "0.5, 1, 2", content_weight: "0.3, 1, 3", color: "style, content, match", seed: "0, 1, 2", tv_weight: "0, 0.4, 1.5" };

/** Ask for a sweep over what is chosen. */
export function openSweep() {
  const trouble = errorLine();
  if (missing()) {
    const told = dialog("Sweep", {}, el("p", { text: missing() }));
    told.body.append(el("div", { class: "actions" }, button("All right", { kind: "primary", on: { click: told.close } })));
    return;
  }
  const keys = changeable().filter((key) => !["regions", "method"].includes(key));
  const axis = (label, first) => {
    const values = el("input", { type: "text", "aria-label": `${label}: values`, placeholder: "values, separated by commas", on: { input: () => count() } });
    const choice = el(
      "select",
      { "aria-label": label, on: { change: () => ((values.value = suggestion(choice.value)), count()) } },
      !first && el("option", { value: "", text: "nothing more" }),
      keys.map((key) => el("option", { value: key, text: words(key) })),
    );
    if (first) choice.value = keys.includes("style_weight") ? "style_weight" : keys[0];
    values.value = suggestion(choice.value);
    return { node: el("div", { class: "axis" }, el("span", { class: "label", text: label }), choice, values), read: () => (choice.value ? [choice.value, read(choice.value, values.value)] : null) };
  };
  const axes = [axis("Rows", true), axis("Columns", false)];
  const cells = el("p", { class: "hint", role: "status" });
  const readAxes = () => Object.fromEntries(axes.map((axis) => axis.read()).filter(Boolean));
  function count() {
    trouble.clear();
    try {
      const product = Object.values(readAxes()).reduce((all, values) => all * values.length, 1);
      cells.textContent = `${product} pictures${product > MOST ? `; at most ${MOST} at once` : ""}`;
      go.disabled = product > MOST || product < 1;
    } catch (error) {
      cells.textContent = error.message;
      go.disabled = true;
    }
  }
  const go = button("Paint them all", {
    kind: "primary",
    on: {
      click: async () => {
        go.disabled = true;
        try {
          const made = await api.sweep(job(), readAxes());
          shown.close();
          tell("jobs");
          location.hash = `#sweep/${made.sweep}`;
        } catch (error) {
          trouble.show(error);
        }
        go.disabled = false;
      },
    },
  });
  const shown = dialog("Sweep over settings", {});
  fill(shown.body, axes.map((each) => each.node), cells, trouble.node, el("div", { class: "actions" }, go));
  count();
}

function suggestion(key) {
  if (!key) return "";
  const options = choices(key) ?? known.schema.schema.properties[key].enum;
  return EXAMPLES[key] ?? (options ? options.join(", ") : setting(value(key)));
}

function read(key, text) {
  const schema = known.schema.schema.properties[key];
  const parts = text.split(schema.type === "object" || schema.type === "array" ? ";" : ",").map((part) => part.trim()).filter(Boolean);
  return parts.map((part) => {
    if (schema.type === "boolean") return ["yes", "true", "1"].includes(part.toLowerCase());
    if (schema.type === "number" || schema.type === "integer") {
      if (!Number.isFinite(Number(part))) throw new Error(`${part}: is not a number.`);
      return Number(part);
    }
    return schema.type ? parse(part, schema) : part;
  });
}

let timer = 0;

/** Show a sweep's pictures as a grid, and look again while they are painted. */
export async function openGrid(node, id) {
  clearTimeout(timer);
  let jobs;
  try {
    jobs = (await api.jobs(id)).reverse();
  } catch (error) {
    lost(node, error);
    return;
  }
  if (!jobs.length) {
    lost(node, "This sweep is not here any more.");
    return;
  }
  const axes = Object.keys(jobs[0].cell ?? {});
  const said = (key, cell) => {
    if (PICTURES[key]) return pictures.get(cell[key])?.name ?? "a picture that was deleted";
    return key === "method" ? titleOf(cell[key]) : setting(cell[key]);
  };
  const distinct = (key) => [...new Set(jobs.map((each) => said(key, each.cell)))];
  const [rows, columns] = [distinct(axes[0]), axes[1] ? distinct(axes[1]) : [""]];
  const cell = (row, column) => {
    const cellJob = jobs.find((candidate) => said(axes[0], candidate.cell) === row && (!axes[1] || said(axes[1], candidate.cell) === column));
    return cellJob
      ? el("a", { class: "cell", href: `#picture/${cellJob.id}`, "aria-label": `${axisName(axes[0])} ${row}${axes[1] ? `, ${axisName(axes[1])} ${column}` : ""}` }, thumbnail(cellJob, 768), cellJob.kept ? null : state(cellJob))
      : "";
  };
  const head = (text) => el("th", { scope: "col", text });
  const across = !axes[1];
  const table = across
    ? el("table", { class: "grid" }, el("thead", {}, el("tr", {}, rows.map(head))), el("tbody", {}, el("tr", {}, rows.map((row) => el("td", {}, cell(row, ""))))))
    : el(
        "table",
        { class: "grid" },
        el("thead", {}, el("tr", {}, el("th"), columns.map(head))),
        el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row", text: row }), columns.map((column) => el("td", {}, cell(row, column)))))),
      );
  const kept = jobs.filter((each) => each.kept);
  const left = jobs.filter((each) => ACTIVE.includes(each.state));
  const focused = node.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  fill(
    node,
    el(
      "header",
      { class: "page-head" },
      el("div", {}, el("a", { class: "back", href: "#gallery", text: "‹ Gallery" }), el("h1", { text: axes.map(axisName).join(" × ") })),
      left.length === 0 && kept.length > 1 && kept.length <= CHOSEN_FROM && el("a", { class: "button", href: bestOf(kept.map((each) => each.id)), text: "Which is the best?" }),
      left.length > 0 &&
        button(`Cancel the ${left.length} that are left`, {
          on: {
            click: async () => {
              await Promise.allSettled(left.reverse().map((each) => api.act(each.id, "cancel")));
              openGrid(node, id);
            },
          },
        }),
    ),
    el("p", { class: "hint", text: axes[1] ? `Rows: ${axisName(axes[0]).toLowerCase()}. Columns: ${axisName(axes[1]).toLowerCase()}.` : `From left to right: ${axisName(axes[0]).toLowerCase()}.` }),
    el("div", { class: "grid-scroll", tabindex: "0", role: "group", "aria-label": "Pictures of the sweep" }, table),
  );
  if (focused) node.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  if (left.length) timer = setTimeout(() => !node.hidden && openGrid(node, id), EVERY_MS);
}
