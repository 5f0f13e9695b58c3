// The photograph and the paintings: choose, drop, crop, mix; and what their masks say.
import { pictureUrl } from "./api.js";
import { crop } from "./crop.js";
import { change, chosenMethod, owned, usesLandmarks, usesStyles, value } from "./fitting.js";
import { button, dialog, el, errorLine, fill } from "./dom.js";
import { openLandmarks } from "./landmarks.js";
import { openDoodle, openMasks } from "./masks/editor.js";
import { acceptAnywhere, pick } from "./picker.js";
import { isClip, length } from "./player.js";
import { openSeveral } from "./several.js";
import { addStyle, draft, dropMasks, known, on, removeStyle, replaceStyle, setContent, tell, undoable } from "./state.js";

const trouble = errorLine();

/** Build the column and keep it up to date. */
export function startSources(node) {
  const photo = el("div", { class: "source-slot", data: { drop: "content" } });
  const styles = el("div", { class: "source-slot", data: { drop: "style" } });
  const masks = el("div", { class: "source-slot masks-slot" });
  const faces = el("div", { class: "source-slot masks-slot" });
  const several = button("Several at once", { icon: "grid", kind: "add", data: { keep: "several" }, on: { click: openSeveral } });
  node.append(
    el("h2", { text: "Photograph" }),
    photo,
    el("h2", { text: "Paintings" }),
    styles,
    trouble.node,
    masks,
    faces,
    el("div", { class: "source-slot several" }, several),
  );
  const draw = () => {
    const focused = document.activeElement?.dataset?.keep;
    fill(photo, ...drawContent());
    fill(styles, ...drawStyles());
    fill(masks, ...drawMasks());
    fill(faces, ...drawFaces());
    // What was just used is new now; whoever works by keyboard stays where they were.
    if (focused) node.querySelector(`[data-keep="${focused}"]`)?.focus();
  };
  on("sources", draw);
  // What the method does not use is shown as that.
  const needs = () => JSON.stringify([chosenMethod().name, usesStyles(), owned("style_weights")]);
  let drawn = needs();
  on("recipe", () => {
    if (drawn === needs()) return;
    drawn = needs();
    draw();
  });
  acceptAnywhere(trouble);
  draw();
}

export const pickContent = () => pick("content", setContent);
export const pickStyle = () => pick("style", addStyle);

function drawContent() {
  if (!draft.content && draft.contentMask) return [doodle()];
  if (!draft.content) {
    return [
      button("Choose a photograph or a clip", { kind: "empty-slot", icon: "image", data: { keep: "content" }, on: { click: pickContent } }),
      button("Draw a doodle instead", { icon: "brush", kind: "add doodle-start", data: { keep: "doodle" }, on: { click: startDoodle } }),
    ];
  }
  const picture = draft.content;
  return [
    card(picture, {
      keep: "content",
      change: pickContent,
      crop: () => crop(picture),
      remove: () => setContent(null),
    }),
  ];
}

/** What is drawn in flat colours in the place of a photograph. */
function doodle() {
  return el(
    "figure",
    { class: "source" },
    el(
      "button",
      { type: "button", class: "source-picture", "aria-label": "Doodle: go on drawing", data: { keep: "content" }, on: { click: openMasks } },
      el("img", { src: pictureUrl(draft.contentMask, 480), alt: "" }),
    ),
    el(
      "figcaption",
      {},
      el("span", { class: "name", text: "Doodle" }),
      button("Remove the doodle", { icon: "close", quiet: true, on: { click: () => undoable("The doodle is out.", dropMasks) } }),
    ),
  );
}

const SHEETS = [
  ["Landscape", { width: 1024, height: 683 }],
  ["Square", { width: 1024, height: 1024 }],
  ["Portrait", { width: 683, height: 1024 }],
];

/** Begin a doodle: a painting to paint it with, then a blank sheet. */
function startDoodle() {
  const asked = dialog(
    "Draw a doodle",
    {},
    el("p", { text: "Draw what is where in flat colours, mark the same things on a painting in the same colours, and it is painted like that." }),
    el(
      "div",
      { class: "actions" },
      SHEETS.map(([label, size]) =>
        button(label, {
          on: {
            click: () => {
              asked.close();
              const begin = () => {
                if (!["doodle", "mrf"].includes(chosenMethod().name)) change("method", "doodle");
                openDoodle(size);
              };
              if (draft.styles.length) begin();
              else pick("style", (picture) => (addStyle(picture), begin()));
            },
          },
        }),
      ),
    ),
  );
}

function drawStyles() {
  const cards = draft.styles.map((style, index) =>
    el(
      "div",
      { class: "style" },
      card(style.picture, {
        keep: `style-${index}`,
        change: () => pick("style", (picture) => replaceStyle(index, picture)),
        crop: () => crop(style.picture),
        remove: () => removeStyle(index),
      }),
      draft.styles.length > 1 && usesStyles() && owned("style_weights") && mixer(style, index),
    ),
  );
  const first = !draft.styles.length;
  if (!usesStyles()) {
    const said = el("p", { class: "hint", text: `${chosenMethod().title} paints the style that its network learnt, which is chosen under Settings. It looks at no painting.` });
    return first ? [said] : [said, el("div", { class: "unused" }, cards)];
  }
  cards.push(
    button(first ? "Choose a painting" : "Add a painting", {
      kind: first ? "empty-slot" : "add",
      icon: first ? "image" : "plus",
      data: { keep: "add-style" },
      on: { click: pickStyle },
    }),
  );
  return cards;
}

function card(picture, { keep, change: swap, crop: cut, remove }) {
  return el(
    "figure",
    { class: "source" },
    el(
      "button",
      { type: "button", class: "source-picture", "aria-label": `${picture.name}: choose another`, data: { keep }, on: { click: swap } },
      el("img", { src: pictureUrl(picture.id, 480), alt: "" }),
    ),
    el(
      "figcaption",
      {},
      el("span", { class: "name", text: picture.name, title: picture.name }),
      el("span", { class: "hint size", text: isClip(picture) ? length(picture) : `${picture.width} × ${picture.height}` }),
      !isClip(picture) && button(`Crop ${picture.name}`, { icon: "crop", quiet: true, on: { click: cut } }),
      button(`Remove ${picture.name}`, { icon: "close", quiet: true, on: { click: remove } }),
    ),
  );
}

function mixer(style, index) {
  const sum = () => draft.styles.reduce((total, each) => total + each.weight, 0) || 1;
  const weight = el("output", { class: "hint", text: `${Math.round((100 * style.weight) / sum())} %` });
  const slider = el("input", {
    type: "range",
    min: "0",
    max: "100",
    value: String(Math.round(style.weight * 100)),
    "aria-label": `Weight of ${style.picture.name}`,
    data: { weight: String(index) },
    on: {
      input: () => {
        style.weight = Number(slider.value) / 100;
        // All zero is no mixture; the one that is moved keeps a trace.
        if (draft.styles.every((each) => each.weight === 0)) style.weight = 0.01;
        for (const output of slider.closest(".source-slot").querySelectorAll(".mixer")) {
          const own = draft.styles[Number(output.querySelector("input").dataset.weight)];
          output.querySelector("output").textContent = `${Math.round((100 * own.weight) / sum())} %`;
        }
        tell("recipe");
      },
    },
  });
  return el("div", { class: "mixer" }, slider, weight);
}

function drawMasks() {
  if (isClip(draft.content)) return [];
  if (!(draft.content || draft.contentMask) || !draft.styles.length || !usesStyles()) return [];
  const parts = [el("h2", { text: "Regions" })];
  if (!draft.contentMask) {
    parts.push(
      el("p", { class: "hint", text: "Say which part of the painting paints which part of the photograph." }),
      button("Paint masks", { icon: "brush", data: { keep: "masks" }, on: { click: openMasks } }),
    );
    return parts;
  }
  const pictures = [draft.contentMask, ...draft.styles.map((style) => style.mask).filter(Boolean)];
  parts.push(
    el(
      "div",
      { class: "mask-thumbs" },
      pictures.map((id) => el("img", { src: pictureUrl(id, 160), alt: "Mask", class: "mask-thumb" })),
    ),
    draft.regions.length > 0 && draft.content && el("p", { class: "hint", text: "Tick what stays as photographed." }),
    draft.regions.length > 0 && draft.content && el("div", { class: "regions" }, draft.regions.map(region)),
    draft.notes.length > 0 &&
      el(
        "details",
        { class: "mask-notes hint" },
        el("summary", { text: draft.notes.length === 1 ? "1 note" : `${draft.notes.length} notes` }),
        draft.notes.map((text) => el("p", { text })),
      ),
    el(
      "div",
      { class: "actions" },
      button("Change", { icon: "brush", data: { keep: "masks" }, on: { click: openMasks } }),
      button("Remove masks", {
        on: {
          click: () => undoable("The masks are out.", dropMasks),
        },
      }),
    ),
  );
  return parts;
}

/** Where the faces of a portrait are. */
function drawFaces() {
  if (!usesLandmarks()) return [];
  const count = draft.landmarks?.content.length;
  return [
    el("h2", { text: "Faces" }),
    el("p", { class: "hint", text: count ? `${count} points say where both faces are.` : "The faces are looked for. Points that you place fit better." }),
    button(count ? "Move the points" : "Place points", { icon: "pen", data: { keep: "faces" }, on: { click: openLandmarks } }),
  ];
}

/** A region with a box that keeps it a photograph. */
function region({ name, color }) {
  const kept = () => [...(value("keep") ?? [])];
  const swatch = el("span", { class: "swatch" });
  swatch.style.background = color;
  if (!known.schema.schema.properties.keep) return el("span", { class: "region" }, swatch, name);
  return el(
    "label",
    { class: "region" },
    swatch,
    el("span", { text: name }),
    el("input", {
      type: "checkbox",
      "aria-label": `${name} stays as photographed`,
      checked: kept().includes(name),
      on: {
        change: (event) => {
          const others = kept().filter((each) => each !== name);
          change("keep", event.target.checked ? [...others, name] : others);
        },
      },
    }),
  );
}
