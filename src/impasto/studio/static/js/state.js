// What is about to be painted, and who wants to know when it changes. Kept over a reload.
import { api } from "./api.js";

const KEY = "impasto.draft";
const listeners = new Map();

/** Call `listener` when `event` happens: "sources", "recipe", "jobs" or "view". */
export function on(event, listener) {
  if (!listeners.has(event)) listeners.set(event, new Set());
  listeners.get(event).add(listener);
  return () => listeners.get(event).delete(listener);
}

export function tell(event, value) {
  if (event === "sources" || event === "recipe") save();
  for (const listener of listeners.get(event) ?? []) listener(value);
}

/** What the server knows: filled once, at the start. */
export const known = { about: null, schema: null, samples: { photos: [], styles: [] } };

export const draft = {
  content: null,
  /** [{picture, mask, weight}]: a painting, the id of its mask or null, its weight in the mixture. */
  styles: [],
  contentMask: null,
  /** Names of its regions by their colours, of a past painting that had some. */
  regionNames: null,
  /** Regions of the masks, as the server found them. */
  regions: [],
  /** What the server says about the masks. */
  notes: [],
  preset: null,
  /** Settings that differ from the preset, by key. */
  changed: {},
};

/** The job that the draft describes, as the server takes it. */
export function job() {
  const recipe = { ...draft.changed };
  if (draft.styles.length > 1 && new Set(draft.styles.map((style) => style.weight)).size > 1) {
    recipe.style_weights = draft.styles.map((style) => style.weight);
  }
  // A region that stays a photograph is one of a mask.
  if (!draft.contentMask) delete recipe.keep;
  return {
    content: draft.content?.id ?? null,
    styles: draft.styles.map((style) => style.picture.id),
    content_mask: draft.contentMask,
    style_masks: draft.contentMask ? draft.styles.map((style) => style.mask) : [],
    region_names: draft.contentMask ? draft.regionNames : null,
    recipe,
    preset: draft.preset,
  };
}

/** Settings before anything is changed: the defaults, and the preset over them. */
export function base(preset = draft.preset) {
  const values = {};
  for (const [key, field] of Object.entries(known.schema.schema.properties)) values[key] = field.default;
  const entry = known.schema.presets.find((candidate) => candidate.name === preset);
  return { ...values, ...entry?.recipe };
}

/** A setting as it stands. */
export const value = (key) => (key in draft.changed ? draft.changed[key] : base()[key]);

export const same = (a, b) => canonical(a) === canonical(b);

function canonical(value) {
  if (value && typeof value === "object" && !Array.isArray(value)) {
    return JSON.stringify(Object.entries(value).sort());
  }
  return JSON.stringify(value);
}

/** Change a setting; one that is as in the preset counts as unchanged. */
export function change(key, next) {
  if (same(next, base()[key])) delete draft.changed[key];
  else draft.changed[key] = next;
  tell("recipe");
}

/** Forget masks: those of pictures that are no longer there, or all. */
export function dropMasks() {
  draft.contentMask = null;
  draft.regions = [];
  draft.notes = [];
  for (const style of draft.styles) style.mask = null;
  delete draft.changed.keep;
}

export function setContent(picture) {
  if (draft.content?.id !== picture?.id) dropMasks();
  draft.content = picture;
  tell("sources");
}

export function addStyle(picture) {
  if (draft.styles.some((style) => style.picture.id === picture.id)) return;
  draft.styles.push({ picture, mask: null, weight: 1 });
  tell("sources");
}

export function replaceStyle(index, picture) {
  draft.styles[index] = { ...draft.styles[index], picture, mask: null };
  tell("sources");
}

export function removeStyle(index) {
  draft.styles.splice(index, 1);
  if (!draft.styles.some((style) => style.mask)) dropMasks();
  tell("sources");
}

/** What a complete recipe changes beside a preset. */
function changes(recipe, preset) {
  const start = base(preset);
  const keys = Object.keys(recipe).filter((key) => key !== "version" && key !== "style_weights" && key in start);
  return Object.fromEntries(keys.filter((key) => !same(recipe[key], start[key])).map((key) => [key, recipe[key]]));
}

/** Take all settings of a complete recipe; without a preset, over the one that it is nearest to. */
export function adoptRecipe(recipe, preset = null) {
  const { qualities, presets } = known.schema;
  const names = [...qualities, ...presets.map((each) => each.name).filter((name) => !qualities.includes(name))];
  const far = (name) => Object.keys(changes(recipe, name)).length;
  draft.preset = preset ?? names.reduce((best, name) => (far(name) < far(best) ? name : best), "standard");
  draft.changed = changes(recipe, draft.preset);
  const weights = recipe.style_weights ?? [];
  draft.styles.forEach((style, index) => (style.weight = weights[index] ?? 1));
  tell("recipe");
  tell("sources");
}

/** Take a past painting's pictures, masks and settings. */
export function adoptJob(past) {
  const find = (id) => pictures.get(id);
  if (past.content && find(past.content)) draft.content = find(past.content);
  if (!past.content) draft.content = null;
  const styles = past.styles.map((id, index) => ({ picture: find(id), mask: past.style_masks[index] ?? null, weight: 1 }));
  draft.styles = styles.filter((style) => style.picture);
  draft.contentMask = past.content_mask;
  draft.regionNames = past.region_names ?? null;
  draft.regions = [];
  draft.notes = [];
  adoptRecipe(past.recipe, past.preset);
}

/** All pictures that the server has, by id. */
export const pictures = new Map();

export function remember(picture) {
  pictures.set(picture.id, picture);
  return picture;
}

export async function loadPictures() {
  const [samples, own] = await Promise.all([api.samples(), api.pictures()]);
  known.samples = samples;
  for (const picture of [...samples.photos, ...samples.styles, ...own]) remember(picture);
}

function save() {
  const kept = {
    content: draft.content?.id ?? null,
    styles: draft.styles.map(({ picture, mask, weight }) => ({ id: picture.id, mask, weight })),
    contentMask: draft.contentMask,
    regions: draft.regions,
    preset: draft.preset,
    changed: draft.changed,
  };
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser without storage forgets the draft at a reload, and nothing else.
  }
}

/** Bring back what was chosen before a reload, as far as the server still has it. */
export function restore() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "null");
  } catch {
    // Not ours, or damaged: start afresh.
  }
  draft.preset = known.schema.qualities.includes("standard") ? "standard" : null;
  if (!kept || typeof kept !== "object") return;
  draft.content = pictures.get(kept.content) ?? null;
  for (const { id, mask, weight = 1 } of kept.styles ?? []) {
    if (pictures.has(id)) draft.styles.push({ picture: pictures.get(id), mask: pictures.has(mask) ? mask : null, weight });
  }
  const keys = Object.entries(kept.changed ?? {}).filter(([key]) => key in known.schema.schema.properties);
  draft.changed = Object.fromEntries(keys);
  if (known.schema.presets.some((preset) => preset.name === kept.preset)) draft.preset = kept.preset;
  if (pictures.has(kept.contentMask) && draft.content) {
    draft.contentMask = kept.contentMask;
    draft.regions = kept.regions ?? [];
  }
}
