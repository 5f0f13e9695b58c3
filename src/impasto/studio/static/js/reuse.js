// What else a painting is good for: a photograph or a painting to paint with, a larger one, others by chance.
import { api } from "./api.js";
import { button, el, toast } from "./dom.js";
import { known, remember, setContent, addStyle, tell } from "./state.js";

/** How often the long side of a larger one, and how many steps it takes to follow. */
const LARGER = 2;
const STEPS = 60;
const MOST_PIXELS = 4096;
const VARIATIONS = 4;

/** The job that paints the same again, as the server takes it. */
function again(job, changes = {}) {
  const recipe = { ...job.recipe, ...changes };
  // A strength decides on these two, which stand in the recipe as it decided.
  if (typeof recipe.strength === "number") for (const key of ["content_weight", "alpha"]) delete recipe[key];
  const { content, styles, content_mask, style_masks, region_names, landmarks, title } = job;
  return { content, styles, content_mask, style_masks, region_names, landmarks, title, recipe };
}

/** Buttons for it. */
export function reuse(job) {
  const attempt = (act) => async () => {
    try {
      await act();
    } catch (error) {
      toast(error.message);
    }
  };
  const to = (role, take) =>
    attempt(async () => {
      take(remember(await api.use(job.id, role)));
      location.hash = "#paint";
    });
  const size = Math.min(MOST_PIXELS, LARGER * Math.max(...(job.size ?? [0])));
  return el(
    "div",
    { class: "actions reuse" },
    button("Use as photograph", { icon: "image", on: { click: to("content", setContent) } }),
    button("Use as painting", { icon: "brush", on: { click: to("style", addStyle) } }),
    size > Math.max(...job.size) && button(`Paint it at ${size} pixels`, { icon: "plus", on: { click: attempt(() => larger(job, size)) } }),
    button(`${VARIATIONS} variations`, { icon: "grid", on: { click: attempt(() => variations(job)) } }),
  );
}

/** Paint the same larger: from this picture, where the method begins with one. */
async function larger(job, size) {
  const method = known.schema.methods.find((each) => each.name === job.recipe.method);
  const from = method.settings.includes("init") && !job.clip ? (await api.use(job.id, "content")).id : null;
  // A picture that is there already has its forms; the steps are for what can only be seen at this size.
  const own = job.recipe.finishing_steps;
  const finishing = typeof own === "number" && { finishing_steps: Math.min(STEPS, own) };
  const follow = from && { levels: 1, iterations: STEPS, ...finishing };
  await api.start({ ...again(job, { size, init: from ? "content" : job.recipe.init, ...follow }), init: from, title: `${job.title}, larger` });
  tell("jobs");
  location.hash = "#paint";
}

/** Paint the same from other random numbers, as a grid. */
async function variations(job) {
  const seeds = Array.from({ length: VARIATIONS }, (_, index) => job.recipe.seed + index + 1);
  // From the photograph alone chance has little to say; noise leaves it more.
  const chance = job.recipe.init === "content" ? { init: "blend" } : {};
  const made = await api.sweep(again(job, chance), { seed: seeds });
  tell("jobs");
  location.hash = `#sweep/${made.sweep}`;
}
