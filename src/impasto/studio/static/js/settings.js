// The form: everything in it comes from the recipe's schema. A dot marks what differs from the preset.
import { pictureUrl } from "./api.js";
import { chooseMethod, methodPicture } from "./choose_method.js";
import { button, el, errorLine } from "./dom.js";
import { control, strength, thumbnails } from "./fields.js";
import { ELSEWHERE, applies, base, change, choices, chosenMethod, fits, value } from "./fitting.js";
import { setting, words } from "./format.js";
import { openKeep, ownPresets, useOwn } from "./own_presets.js";
import { draft, known, on, pictures, same, tell } from "./state.js";
import { openSweep } from "./sweep.js";

/** Shown first, out of their groups: what most people change. */
const FIRST = ["strength", "network", "size", "color", "style_scale"];

/** What stands before the names of a person's own presets. */
const OWN = "own:";

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
    search(),
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
      const back = button(`Reset ${group.title.toLowerCase()}`, {
        kind: "small group-reset",
        icon: "reset",
        on: {
          click: () => {
            for (const key of fields) rows.get(key).reset();
          },
        },
      });
      details.append(back);
      groupsShown.push({ details, fields, mark, back });
      return details;
    }).filter(Boolean),
    el(
      "div",
      { class: "settings-foot" },
      button("Keep these settings", { icon: "check", on: { click: openKeep } }),
      button("Sweep over settings", { icon: "grid", on: { click: openSweep } }),
      el("p", { class: "hint", text: "Paints every combination of one or two settings, as a grid." }),
    ),
  );
  on("recipe", update);
  on("sources", update);
  update();
}

const groupsShown = [];
let searched = "";

/** A line that shows of the groups what matches it, by name or meaning. */
function search() {
  const input = el("input", { type: "search", placeholder: "Search all settings", "aria-label": "Search all settings", on: { input: () => find(input.value) } });
  rows.set("search", { update: () => {}, clear: () => ((input.value = ""), find("")) });
  return el("div", { class: "field" }, input);
}

function find(text) {
  const before = searched;
  searched = text.trim().toLowerCase();
  for (const { details, fields } of groupsShown) {
    for (const key of fields) {
      const { node } = rows.get(key);
      node.classList.toggle("unmatched", Boolean(searched) && !node.textContent.toLowerCase().includes(searched));
    }
    if (searched) details.open = true;
    else if (before) details.open = false;
  }
  update();
}
const exists = (key) => key in known.schema.schema.properties;

function method() {
  const line = el("p", { class: "hint" });
  const picture = el("img", { alt: "" });
  const select = el(
    "select",
    { id: "field-method", on: { change: () => change("method", select.value) } },
    known.schema.methods.map((method) =>
      el("option", { value: method.name, text: `${method.title}${method.available ? "" : " (no network yet)"}`, disabled: !method.available }),
    ),
  );
  rows.set("method", {
    update: () => {
      const { name, like, cost } = chosenMethod();
      select.value = name;
      if (!picture.src.endsWith(methodPicture(name))) picture.src = methodPicture(name);
      line.textContent = `${sentence(like)} Takes ${cost} at 512 × 512.`;
    },
  });
  const look = el("button", { type: "button", class: "method-look", "aria-label": "See what each method paints", title: "See what each method paints", on: { click: chooseMethod } }, picture);
  return el("div", { class: "field" }, el("label", { for: "field-method", text: "Method" }), el("div", { class: "method-choice" }, look, select), line);
}

function quality() {
  const { qualities, presets } = known.schema;
  const others = presets.filter((preset) => !qualities.includes(preset.name));
  const choose = (name) => {
    draft.preset = name;
    // A preset that is of a method brings it along.
    if (presets.find((preset) => preset.name === name)?.recipe.method) delete draft.changed.method;
    // What the new preset says anyway is no change.
    for (const [key, changedValue] of Object.entries(draft.changed)) if (same(changedValue, base()[key])) delete draft.changed[key];
    tell("recipe");
  };
  const buttons = qualities.map((name) =>
    el("button", { type: "button", class: "segment", text: words(name), data: { quality: name }, on: { click: () => choose(name) } }),
  );
  const select = el(
    "select",
    {
      "aria-label": "Preset",
      on: { change: () => (select.value.startsWith(OWN) ? useOwn(select.value.slice(OWN.length)) : choose(select.value || "standard")) },
    },
    el("option", { value: "", text: "Other presets…" }),
  );
  let offered = "";
  const line = el("p", { class: "hint" });
  rows.set("preset", {
    update: () => {
      for (const segment of buttons) segment.setAttribute("aria-pressed", String(segment.dataset.quality === draft.preset));
      // What the method knows nothing of cannot be chosen.
      const fitting = others.filter(fits);
      const own = Object.entries(ownPresets());
      const listed = JSON.stringify([fitting.map((preset) => preset.name), own]);
      if (listed !== offered) {
        offered = listed;
        const yours = el("optgroup", { label: "Yours" }, own.map(([name]) => el("option", { value: `${OWN}${name}`, text: name })));
        select.replaceChildren(select.firstChild, ...(own.length ? [yours] : []), ...fitting.map((preset) => el("option", { value: preset.name, text: preset.name })));
      }
      const mine = own.find(([, kept]) => kept.preset === draft.preset && same(kept.changed, draft.changed))?.[0];
      const any = presets.filter((preset) => qualities.includes(preset.name)).some(fits);
      segments.hidden = !any;
      title.textContent = any ? "Quality" : "Preset";
      const other = fitting.find((preset) => preset.name === draft.preset);
      line.hidden = !any && !other;
      select.value = mine ? `${OWN}${mine}` : (other?.name ?? "");
      select.classList.toggle("chosen", Boolean(mine ?? other));
      line.textContent = sentence(presets.find((preset) => preset.name === draft.preset)?.description);
    },
  });
  const title = el("span", { class: "label", id: "label-quality", text: "Quality" });
  const segments = el("div", { class: "segments", role: "group", "aria-labelledby": "label-quality" }, buttons);
  return el("div", { class: "field" }, title, segments, select, line);
}

function row(key) {
  const schema = known.schema.schema.properties[key];
  const trouble = errorLine();
  let last;
  const id = `field-${key}`;
  const mark = (error) => {
    if (error) trouble.show(error);
    else trouble.clear();
    node.classList.toggle("invalid", Boolean(error));
    const input = document.getElementById(id);
    if (error) input?.setAttribute("aria-invalid", "true");
    else input?.removeAttribute("aria-invalid");
    tell("fields");
  };
  const wiring = {
    labelled: { id, "aria-describedby": `${id}-hint`, ...(key === "network" ? { "aria-label": words(key) } : {}) },
    choices: choices(key) ? () => choices(key) : null,
    changed: (next) => {
      mark(null);
      change(key, next);
    },
    failed: mark,
  };
  const learnt = (name) => (pictures.has(`style-${name}`) ? pictureUrl(`style-${name}`, 192) : null);
  const kinds = { network: () => thumbnails(() => choices(key), learnt, wiring), strength: () => strength(wiring) };
  const shown = kinds[key]?.() ?? control(key, schema, wiring);
  const dot = el("span", { class: "dot", hidden: true, title: "Differs from the preset" });
  const restore = () => {
    delete draft.changed[key];
    shown.set(value(key));
    mark(null);
    tell("recipe");
  };
  const reset = button(`Reset ${words(key)}`, { icon: "reset", quiet: true, on: { click: restore } });
  const node = el(
    "div",
    { class: `field ${schema.type === "boolean" ? "inline" : ""}`, data: { field: key } },
    el("div", { class: "field-head" }, el("label", { for: id, text: words(key) }), dot, reset),
    shown.node,
    el("p", { class: "hint", id: `${id}-hint`, text: sentence(known.schema.hints[key] ?? schema.description) }),
    trouble.node,
  );
  rows.set(key, {
    node,
    commit: shown.commit,
    reset: restore,
    invalid: () => !trouble.node.hidden && !node.hidden,
    update: () => {
      const changed = key in draft.changed && applies(key);
      node.classList.toggle("changed", changed);
      dot.hidden = reset.hidden = !changed;
      reset.title = `Back to ${setting(base()[key])}`;
      node.hidden = !applies(key);
      // What is being typed is left alone.
      const now = [value(key), choices(key)];
      if (!same(now, last)) shown.set(now[0]);
      last = now;
    },
  });
  return node;
}

/** Read what is typed and not yet left; gives the key of the first field that cannot be read, null where all can. */
export function unreadable() {
  for (const row of rows.values()) row.commit?.();
  return [...rows].find(([, row]) => row.invalid?.())?.[0] ?? null;
}

/** Bring a field before the eyes. */
export function reveal(key) {
  rows.get("search").clear();
  const { node } = rows.get(key);
  const group = node.closest("details");
  if (group) group.open = true;
  node.scrollIntoView({ block: "nearest" });
  document.getElementById(`field-${key}`)?.focus();
}

const sentence = (text = "") => text && text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

function resetAll() {
  const all = button("Reset all", {
    kind: "small",
    on: {
      click: () => {
        draft.changed = "method" in draft.changed ? { method: draft.changed.method } : {};
        tell("recipe");
      },
    },
  });
  rows.set("all", { update: () => (all.hidden = !Object.keys(draft.changed).some((key) => key !== "method" && applies(key))) });
  return all;
}

function update() {
  for (const row of rows.values()) row.update();
  for (const { details, fields, mark, back } of groupsShown) {
    const shown = fields.filter((key) => applies(key) && !rows.get(key).node.classList.contains("unmatched"));
    details.hidden = !shown.length;
    back.hidden = !fields.some((key) => key in draft.changed && applies(key));
    mark.hidden = !fields.some((key) => key in draft.changed && applies(key));
  }
}
