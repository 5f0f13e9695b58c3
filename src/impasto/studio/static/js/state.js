// What is about to be painted, and who wants to know when it changes. Kept over a reload.
import { api } from "./api.js";
import { toast } from "./dom.js";

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
  /** Points of the faces, {content, style}: [x, y] in fractions; null where they are looked for. */
  landmarks: null,
  preset: null,
  /** Settings that differ from the preset, by key. */
  changed: {},
};

/** Whether two values of settings are the same. */
export const same = (a, b) => canonical(a) === canonical(b);

function canonical(value) {
  if (value && typeof value === "object" && !Array.isArray(value)) {
    return JSON.stringify(Object.entries(value).sort());
  }
  return JSON.stringify(value);
}

/** Forget masks: those of pictures that are no longer there, or all. */
export function dropMasks() {
  draft.contentMask = null;
  draft.regions = [];
  draft.regionNames = null;
  draft.notes = [];
  for (const style of draft.styles) style.mask = null;
  delete draft.changed.keep;
  delete draft.changed.feather;
}

/** Do something that can be taken back for a while; it is said only where `lost` finds something gone. */
export function undoable(text, act, lost = () => true) {
  const before = { ...draft, styles: draft.styles.map((style) => ({ ...style })), changed: { ...draft.changed } };
  act();
  if (lost(before)) {
    toast(text, {
      label: "Undo",
      run: () => {
        Object.assign(draft, before);
        tell("recipe");
        tell("sources");
      },
    });
  }
  tell("sources");
}

const masksLost = (before) => Boolean(before.contentMask) && !draft.contentMask;
const maskLost = (before) => masksLost(before) || before.styles.some(({ picture, mask }) => mask && !draft.styles.some((style) => style.picture.id === picture.id && style.mask));

export function setContent(picture) {
  undoable(picture ? "The masks went with the photograph that was there." : "The photograph and its masks are out.", () => {
    if (draft.content?.id !== picture?.id) {
      dropMasks();
      draft.landmarks = null;
    }
    draft.content = picture;
  }, masksLost);
}

/** Take a part of a picture in its place: `masks` are the parts of its masks, by the ids of the whole ones. */
export function replacePart(before, after, masks) {
  if ([draft.content?.id, draft.styles[0]?.picture.id].includes(before.id)) draft.landmarks = null;
  if (draft.content?.id === before.id) {
    draft.content = after;
    draft.contentMask = masks.get(draft.contentMask) ?? null;
  }
  for (const style of draft.styles) {
    if (style.picture.id !== before.id) continue;
    style.picture = after;
    style.mask = masks.get(style.mask) ?? null;
  }
  tell("sources");
}

export function addStyle(picture) {
  if (draft.styles.some((style) => style.picture.id === picture.id)) return;
  draft.styles.push({ picture, mask: null, weight: 1 });
  tell("sources");
}

export function replaceStyle(index, picture) {
  undoable("The mask went with the painting that was there.", () => {
    if (index === 0) draft.landmarks = null;
    draft.styles[index] = { ...draft.styles[index], picture, mask: null };
  }, maskLost);
}

export function removeStyle(index) {
  undoable("The painting and its mask are out.", () => {
    if (index === 0) draft.landmarks = null;
    draft.styles.splice(index, 1);
    // A mask of the photograph alone says something too, while there is a photograph and a painting.
    if (!draft.styles.length || !draft.content) dropMasks();
  }, maskLost);
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
    regionNames: draft.regionNames,
    regions: draft.regions,
    landmarks: draft.landmarks,
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
  if (kept.landmarks?.content && kept.landmarks?.style) draft.landmarks = kept.landmarks;
  const keys = Object.entries(kept.changed ?? {}).filter(([key]) => key in known.schema.schema.properties);
  draft.changed = Object.fromEntries(keys);
  if (known.schema.presets.some((preset) => preset.name === kept.preset)) draft.preset = kept.preset;
  if (pictures.has(kept.contentMask)) {
    draft.contentMask = kept.contentMask;
    draft.regionNames = kept.regionNames ?? null;
    draft.regions = kept.regions ?? [];
  }
}
