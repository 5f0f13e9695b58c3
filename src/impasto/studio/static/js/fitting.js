// What goes with the chosen method: its settings and their choices, what it needs, and the job that is sent for it.
import { isClip } from "./player.js";
import { draft, known, same, tell } from "./state.js";

/** Set elsewhere on the page. */
export const ELSEWHERE = ["version", "method", "style_weights", "keep"];
/** Settings that name regions of masks, and mean nothing without any. */
const OF_REGIONS = ["region_weights", "region_content_weights", "region_scales", "region_styles", "gain_regions", "keep", "feather"];

/** Settings that a strength decides on. */
const DECIDED = ["content_weight", "alpha"];

const presetNamed = (name) => known.schema.presets.find((candidate) => candidate.name === name);
const fallback = (key) => known.schema.schema.properties[key].default;

/** The method that is chosen, as the server describes it; a preset may name one too. */
export function chosenMethod(preset = draft.preset, changed = draft.changed) {
  const name = changed.method ?? presetNamed(preset)?.recipe.method ?? fallback("method");
  return known.schema.methods.find((method) => method.name === name) ?? known.schema.methods[0];
}

/** Whether a method knows a setting; with refinement, what it starts from is painted on by gatys. */
const knows = (method, key, changed = draft.changed) => {
  const refined = method.settings.includes("refine") && changed.refine > 0;
  return (refined ? method.refined_settings : method.settings).includes(key);
};

/** Whether the method that is chosen knows a setting. */
export const owned = (key) => key === "method" || knows(chosenMethod(), key);

/** Whether the method looks at paintings: those that learnt a style do so only to refine with it. */
export const usesStyles = () => chosenMethod().styles || value("refine") > 0;

/** Whether there are faces whose points count. */
export const usesLandmarks = () => chosenMethod().landmarks && Boolean(draft.content) && !isClip(draft.content) && draft.styles.length > 0;

/** Whether a setting does something for what is chosen now: it is shown, and sent. */
export function applies(key) {
  if (!owned(key)) return false;
  if (OF_REGIONS.includes(key)) return Boolean(draft.contentMask);
  if (key === "strength") return Boolean(draft.content);
  if (DECIDED.includes(key)) return !(applies("strength") && typeof value("strength") === "number");
  if (key === "aspect") return !draft.content && !draft.contentMask;
  return true;
}

/** The choices of a setting that depend on what else is chosen; null where they do not. */
export function choices(key) {
  if (key === "network") return chosenMethod().networks;
  if (key === "encoder") return known.schema.encoders;
  const all = known.schema.schema.properties[key].enum;
  // Pictures of files, which the page does not name.
  if (key === "init" || key === "protect") return all.filter((name) => name !== "file");
  if (key !== "color") return null;
  if (!draft.content) return ["style"];
  return chosenMethod().styles ? all : ["style", "content"];
}

/** Settings before anything is changed: the defaults, and what the method knows of the preset over them. */
export function base(preset = draft.preset, changed = draft.changed) {
  const values = {};
  for (const [key, field] of Object.entries(known.schema.schema.properties)) values[key] = field.default;
  const method = chosenMethod(preset, changed);
  for (const [key, next] of Object.entries(presetNamed(preset)?.recipe ?? {})) {
    if (key === "method" || knows(method, key, changed)) values[key] = next;
  }
  return values;
}

/** Whether a preset sets anything that the method knows. */
export const fits = (preset) => preset.recipe.method !== undefined || Object.keys(preset.recipe).some((key) => knows(chosenMethod(), key));

/** A setting as it stands: one that is not among the choices of now stands at the first of them. */
export function value(key) {
  const now = key in draft.changed && owned(key) ? draft.changed[key] : base()[key];
  const possible = choices(key);
  return possible?.length && !possible.includes(now) ? possible[0] : now;
}

/** Change a setting; one that is as in the preset counts as unchanged. */
export function change(key, next) {
  if (same(next, base()[key])) delete draft.changed[key];
  else draft.changed[key] = next;
  tell("recipe");
}

/** Settings that a person may change now. */
export const changeable = () =>
  Object.keys(known.schema.schema.properties).filter((key) => !ELSEWHERE.includes(key) && applies(key));

/** The job that the draft describes, as the server takes it: what the method does not use stays here. */
export function job() {
  const recipe = Object.fromEntries(Object.entries(draft.changed).filter(([key]) => key === "method" || applies(key)));
  for (const key of ["network", "color", "init", "protect"]) {
    if (applies(key) && !same(value(key), recipe[key] ?? base()[key])) recipe[key] = value(key);
  }
  const styles = usesStyles() ? draft.styles : [];
  if (styles.length > 1 && owned("style_weights") && new Set(styles.map((style) => style.weight)).size > 1) {
    recipe.style_weights = styles.map((style) => style.weight);
  }
  return {
    content: draft.content?.id ?? null,
    styles: styles.map((style) => style.picture.id),
    content_mask: draft.contentMask,
    style_masks: draft.contentMask ? styles.map((style) => style.mask) : [],
    region_names: draft.contentMask ? draft.regionNames : null,
    landmarks: usesLandmarks() ? draft.landmarks : null,
    recipe,
    preset: draft.preset,
  };
}

/** What is missing for a painting, in a line; empty where there is nothing. */
export function missing() {
  const { textures, title } = chosenMethod();
  if (!draft.content && !textures) {
    return draft.contentMask ? `${title} paints no doodles; choose another method.` : "Choose a photograph first.";
  }
  if (!draft.styles.length && usesStyles()) return "Choose a painting to paint with.";
  if (draft.content) return "";
  if (!draft.contentMask && typeof value("size") !== "number") return "Without a photograph the size is a number of pixels; type one under Size.";
  if (draft.contentMask && usesStyles() && !draft.styles.some((style) => style.mask)) {
    return "Paint the same colours on the painting too, to say what each of them stands for.";
  }
  return "";
}
