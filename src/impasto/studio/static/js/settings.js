// The form: everything in it comes from the recipe's schema. A dot marks what differs from the preset.
import { button, el, errorLine } from "./dom.js";
import { control } from "./fields.js";
import { setting, words } from "./format.js";
import { ELSEWHERE, chosenMethod, owned } from "./methods.js";
import { base, change, draft, known, on, same, tell, value } from "./state.js";
import { openSweep } from "./sweep.js";

/** Shown first, out of their groups: what most people change. */
const FIRST = ["size", "color", "style_scale", "alpha", "network"];

const rows = new Map();

/** Build the form. */
export function startSettings(node) {
  const { groups } = known.schema;
  const head = el("div", { class: "settings-head" }, el("h2", { text: "Settings" }), resetAll());
  node.append(
    head,
    method(),
    quality(),
    el("div", { class: "first" }, FIRST.filter(exists).map(row)),
    ...groups.map((group) => {
      const fields = group.fields.filter((key) => exists(key) && !FIRST.includes(key) && !ELSEWHERE.includes(key));
      if (!fields.length) return null;
      const mark = el("span", { class: "dot", title: "Something in here differs from the preset" });
      const details = el(
        "details",
        { class: "group", data: { group: group.id } },
        el("summary", {}, el("span", { text: group.title }), mark),
        fields.map(row),
      );
      groupsShown.push({ details, fields, mark });
      return details;
    }).filter(Boolean),
    el(
      "div",
      { class: "settings-foot" },
      button("Sweep over settings", { icon: "grid", on: { click: openSweep } }),
      el("p", { class: "hint", text: "Paints every combination of one or two settings, as a grid." }),
    ),
  );
  on("recipe", update);
  on("sources", update);
  update();
}

const groupsShown = [];
const exists = (key) => key in known.schema.schema.properties;

function method() {
  const line = el("p", { class: "hint" });
  const select = el(
    "select",
    {
      id: "field-method",
      on: {
        change: () => {
          change("method", select.value);
          forget();
        },
      },
    },
    known.schema.methods.map((method) =>
      el("option", { value: method.name, text: `${method.name}${method.available ? "" : " (no network yet)"}`, disabled: !method.available }),
    ),
  );
  rows.set("method", {
    update: () => {
      select.value = value("method");
      const { line: what, cost } = chosenMethod();
      line.textContent = `${sentence(what)} Takes ${cost} at 512 × 512.`;
    },
  });
  return el("div", { class: "field" }, el("label", { for: "field-method", text: "Method" }), select, line);
}

/** A method refuses what it does not know, so that goes with the method that knew it. */
function forget() {
  for (const key of Object.keys(draft.changed)) if (!owned(key) && key !== "method") delete draft.changed[key];
  tell("recipe");
}

function quality() {
  const { qualities, presets } = known.schema;
  const others = presets.filter((preset) => !qualities.includes(preset.name));
  const choose = (name) => {
    draft.preset = name;
    // What the new preset says anyway is no change.
    for (const [key, changedValue] of Object.entries(draft.changed)) if (same(changedValue, base()[key])) delete draft.changed[key];
    tell("recipe");
  };
  const buttons = qualities.map((name) =>
    el("button", { type: "button", class: "segment", text: words(name), data: { quality: name }, on: { click: () => choose(name) } }),
  );
  const select = el(
    "select",
    { "aria-label": "Preset", on: { change: () => choose(select.value || "standard") } },
    el("option", { value: "", text: "Other presets…" }),
    others.map((preset) => el("option", { value: preset.name, text: preset.name })),
  );
  const line = el("p", { class: "hint" });
  rows.set("preset", {
    update: () => {
      for (const segment of buttons) segment.setAttribute("aria-pressed", String(segment.dataset.quality === draft.preset));
      const other = others.find((preset) => preset.name === draft.preset);
      select.value = other?.name ?? "";
      select.classList.toggle("chosen", Boolean(other));
      line.textContent = sentence(presets.find((preset) => preset.name === draft.preset)?.description);
    },
  });
  return el(
    "div",
    { class: "field" },
    el("span", { class: "label", id: "label-quality", text: "Quality" }),
    el("div", { class: "segments", role: "group", "aria-labelledby": "label-quality" }, buttons),
    select,
    line,
  );
}

function row(key) {
  const schema = known.schema.schema.properties[key];
  const trouble = errorLine();
  let last;
  const id = `field-${key}`;
  const shown = control(key, schema, {
    labelled: { id, "aria-describedby": `${id}-hint` },
    choices: key === "network" || key === "encoder" ? names(key) : null,
    changed: (next) => {
      trouble.clear();
      change(key, next);
    },
    failed: trouble.show,
  });
  const dot = el("span", { class: "dot", hidden: true, title: "Differs from the preset" });
  const reset = button(`Reset ${words(key)}`, {
    icon: "reset",
    quiet: true,
    on: {
      click: () => {
        trouble.clear();
        delete draft.changed[key];
        tell("recipe");
      },
    },
  });
  const node = el(
    "div",
    { class: `field ${schema.type === "boolean" ? "inline" : ""}`, data: { field: key } },
    el("div", { class: "field-head" }, el("label", { for: id, text: words(key) }), dot, reset),
    shown.node,
    el("p", { class: "hint", id: `${id}-hint`, text: sentence(schema.description) }),
    trouble.node,
  );
  rows.set(key, {
    node,
    update: () => {
      const changed = key in draft.changed;
      node.classList.toggle("changed", changed);
      dot.hidden = reset.hidden = !changed;
      reset.title = `Back to ${setting(base()[key])}`;
      node.hidden = !owned(key) || (key === "network" && names(key).length < 2);
      // What is being typed is left alone.
      if (!same(value(key), last)) shown.set(value(key));
      last = value(key);
    },
  });
  return node;
}

function names(key) {
  if (key === "encoder") return known.schema.encoders;
  return ["auto", ...(chosenMethod()?.networks ?? [])];
}

const sentence = (text = "") => text && text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

function resetAll() {
  const all = button("Reset all", {
    kind: "small",
    on: {
      click: () => {
        draft.changed = {};
        tell("recipe");
      },
    },
  });
  rows.set("all", { update: () => (all.hidden = Object.keys(draft.changed).length === 0) });
  return all;
}

function update() {
  for (const row of rows.values()) row.update();
  for (const { details, fields, mark } of groupsShown) {
    details.hidden = !fields.some(owned);
    mark.hidden = !fields.some((key) => key in draft.changed);
  }
}
