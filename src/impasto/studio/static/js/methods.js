// What the chosen method knows: which settings the form and a sweep may change.
import { known, value } from "./state.js";

/** Set elsewhere on the page. */
export const ELSEWHERE = ["version", "method", "style_weights", "keep"];

/** The method that is chosen, as the server describes it. */
export const chosenMethod = () => known.schema.methods.find((method) => method.name === value("method"));

/** Whether the method that is chosen knows a setting; with refinement, what it starts from is painted on by gatys. */
export function owned(key) {
  const { settings, refined_settings: refined } = chosenMethod();
  return (value("refine") > 0 ? refined : settings).includes(key);
}

/** Settings that a person may change now. */
export const changeable = () =>
  Object.keys(known.schema.schema.properties).filter((key) => !ELSEWHERE.includes(key) && owned(key));
