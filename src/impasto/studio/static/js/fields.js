// A control for each kind of setting, from its part of the recipe's JSON Schema.
import { el, fill } from "./dom.js";
import { setting, words } from "./format.js";

/** What a slider is good for, where the limits of the schema are too wide for one: [least, most, step]. */
const SLIDERS = {
  style_scale: [0.25, 4, 0.05],
  aspect: [0.25, 4, 0.05],
};
/** Sizes worth offering. */
const SUGGESTED = { iterations: ["auto", 30, 60, 100, 200, 400, 600], size: [256, 512, 768, 1024, 1536, 2048, "content", "200%"], tv_weight: ["auto", 0, 0.1, 0.4, 1.5] };

/**
 * Build the control of a setting: {node, set(value), commit()}. `changed(value)` hears of what a person does,
 * `failed(error)` of what cannot be read; `commit` reads what is typed and not yet left. `choices`: a function that
 * gives what can be chosen now.
 */
export function control(key, schema, { changed, failed, labelled, choices = null }) {
  if (choices || schema.enum) return choose(choices ?? (() => schema.enum), { changed, labelled });
  if (schema.type === "boolean") return check({ changed, labelled });
  if (schema.anyOf) return either(key, schema.anyOf, { changed, failed, labelled });
  if (schema.type === "integer" || schema.type === "number") return numeric(key, schema, { changed, failed, labelled });
  return written(schema, { changed, failed, labelled });
}

const nothing = () => {};

function choose(options, { changed, labelled }) {
  const node = el("select", { ...labelled, on: { change: () => changed(node.value) } });
  let listed = "";
  const set = (value) => {
    const now = options();
    if (String(now) !== listed) {
      listed = String(now);
      fill(node, now.map((option) => el("option", { value: option, text: option.replaceAll("_", " ") })));
    }
    node.value = value;
  };
  return { node, set, commit: nothing };
}

/** Read a field where it is left, or earlier on request, and only when something was typed. */
function typed(input, read) {
  let dirty = false;
  const commit = () => {
    if (!dirty) return;
    dirty = false;
    read();
  };
  input.addEventListener("input", () => (dirty = true));
  input.addEventListener("change", () => {
    dirty = true;
    commit();
  });
  return commit;
}

function check({ changed, labelled }) {
  const node = el("input", { ...labelled, type: "checkbox", class: "switch", on: { change: () => changed(node.checked) } });
  return { node, set: (value) => (node.checked = value), commit: nothing };
}

function numeric(key, schema, { changed, failed, labelled }) {
  const whole = schema.type === "integer";
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const list = SUGGESTED[key];
  const input = el("input", {
    ...labelled,
    type: "number",
    inputmode: whole ? "numeric" : "decimal",
    min: low === undefined ? null : String(low),
    max: high === undefined || high > 1e9 ? null : String(high),
    step: whole ? "1" : "any",
    list: list && `${key}-list`,
  });
  const commit = typed(input, () => {
    if (input.value === "" || !input.checkValidity()) failed(input.validationMessage || "Type a number.");
    else changed(Number(input.value));
  });
  const [least, most, step] = SLIDERS[key] ?? (!whole && high - low <= 1 ? [low, high, 0.01] : []);
  if (least === undefined) {
    const suggestions = list && el("datalist", { id: `${key}-list` }, list.map((size) => el("option", { value: String(size) })));
    return { node: el("span", { class: "number" }, input, suggestions), set: (value) => (input.value = String(value)), commit };
  }
  const slider = el("input", {
    type: "range",
    min: String(least),
    max: String(most),
    step: String(step),
    "aria-label": labelled["aria-label"] ?? key,
    "aria-hidden": "true",
    tabindex: "-1",
    on: {
      input: () => {
        input.value = slider.value;
        changed(Number(slider.value));
      },
    },
  });
  const set = (value) => {
    input.value = String(value);
    slider.value = String(value);
  };
  return { node: el("span", { class: "number with-slider" }, slider, input), set, commit };
}

/** A number, or words that the schema knows by their pattern: 512, content, 200%; 0.5, off; 100, auto. */
function either(key, kinds, { changed, failed, labelled }) {
  const number = kinds.find((kind) => kind.type !== "string") ?? {};
  const spelled = kinds.find((kind) => kind.pattern) ?? {};
  const list = SUGGESTED[key];
  const input = el("input", {
    ...labelled,
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    list: list && `${key}-list`,
  });
  const commit = typed(input, () => {
    const text = input.value.trim();
    const value = Number(text);
    const fits = number.type === "number" ? Number.isFinite(value) : Number.isInteger(value);
    if (text && fits && value >= number.minimum && value <= number.maximum) changed(value);
    else if (new RegExp(spelled.pattern).test(text)) changed(text);
    else if (key !== "size") failed(`Type a ${number.type === "integer" ? "whole " : ""}number from ${number.minimum} to ${number.maximum}, or ${spelled.pattern.slice(1, -1)}.`);
    else failed(`Type a number of pixels from ${number.minimum} to ${number.maximum}, content for the photograph's own size, or 200% for twice that.`);
  });
  const suggestions = list && el("datalist", { id: `${key}-list` }, list.map((size) => el("option", { value: String(size) })));
  return { node: el("span", { class: "number" }, input, suggestions), set: (value) => (input.value = String(value)), commit };
}

/** Lists and mappings are written `a, b` and `sky=2, ground=0.5`. */
function written(schema, { changed, failed, labelled }) {
  const node = el("input", {
    ...labelled,
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: schema.type === "object" ? "name=number, …" : schema.type === "array" ? "a, b, …" : "",
  });
  const commit = typed(node, () => {
    let read;
    try {
      read = parse(node.value, schema);
    } catch (error) {
      failed(error);
      return;
    }
    changed(read);
  });
  return { node, set: (value) => (node.value = setting(value)), commit };
}

/** Read what was written for a setting. Throws an `Error` that says how to write it. */
export function parse(text, schema) {
  const parts = text
    .split(/[,;\n]/)
    .map((part) => part.trim())
    .filter(Boolean);
  if (schema.type === "string") return text.trim();
  if (schema.type === "array") {
    const numbers = ["number", "integer"].includes(schema.items?.type);
    return parts.map((part) => (numbers ? amount(part) : part));
  }
  const made = {};
  for (const part of parts) {
    const [name, ...rest] = part.split("=").map((each) => each.trim());
    const value = rest.join("=");
    if (!name) throw new Error(`${part}: write name=number.`);
    const inner = schema.additionalProperties ?? Object.values(schema.patternProperties ?? {})[0] ?? {};
    if (inner.type === "array") made[name] = value.split(":").map(amount);
    else made[name] = value === "" ? 1 : amount(value);
  }
  return made;
}

function amount(text) {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) throw new Error(`${text || "nothing"}: is not a number.`);
  return value;
}

/** One of several networks, each shown by the painting that it learnt: {node, set, commit}. `pictures`: from name to address. */
export function thumbnails(options, address, { changed, labelled }) {
  const node = el("div", { class: "networks", role: "radiogroup", ...labelled });
  let listed = "";
  const set = (value) => {
    const now = options();
    // Whoever goes through them by arrow keys keeps the focus.
    if (String(now) === listed) {
      for (const input of node.querySelectorAll("input")) input.checked = input.value === value;
      return;
    }
    listed = String(now);
    fill(
      node,
      now.map((name) =>
        el(
          "label",
          { class: "network", title: words(name) },
          el("input", { type: "radio", name: "network", value: name, checked: name === value, on: { change: () => changed(name) } }),
          address(name) ? el("img", { src: address(name), alt: "" }) : null,
          el("span", { text: words(name) }),
        ),
      ),
    );
  };
  return { node, set, commit: nothing };
}

/** How strong the style is: from the photograph to the painting; where nobody moves it, it is off. */
export function strength({ changed, labelled }) {
  const words = el("output");
  const slider = el("input", { ...labelled, type: "range", min: "0", max: "1", step: "0.05", on: { input: () => changed(Number(slider.value)) } });
  const node = el("span", { class: "strength" }, slider, el("span", { class: "strength-ends" }, el("span", { text: "photograph" }), words, el("span", { text: "painting" })));
  const set = (value) => {
    const off = value === "off";
    node.classList.toggle("off", off);
    slider.value = off ? "0.5" : String(value);
    words.textContent = off ? "as it comes" : `${Math.round(value * 100)} %`;
    slider.setAttribute("aria-valuetext", words.textContent);
  };
  return { node, set, commit: nothing };
}
