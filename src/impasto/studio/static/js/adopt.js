// Taking over what a past painting was made of: its settings, its pictures, its masks.
import { base } from "./fitting.js";
import { draft, known, pictures, same, tell, undoable } from "./state.js";

/** What a complete recipe changes beside a preset. */
function changes(recipe, preset) {
  const start = base(preset, recipe);
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
  undoable("Settings and pictures are those of that painting.", () => take(past));
}

function take(past) {
  const find = (id) => pictures.get(id);
  if (past.content && find(past.content)) draft.content = find(past.content);
  if (!past.content) draft.content = null;
  const styles = past.styles.map((id, index) => ({ picture: find(id), mask: past.style_masks[index] ?? null, weight: 1 }));
  draft.styles = styles.filter((style) => style.picture);
  draft.contentMask = past.content_mask;
  draft.regionNames = past.region_names ?? null;
  draft.landmarks = past.landmarks ?? null;
  draft.regions = [];
  draft.notes = [];
  adoptRecipe(past.recipe, past.preset);
}
