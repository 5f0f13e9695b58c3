// What stands above each picture of the mask painter: its name or the choice of it, the zoom, import and export.
import { button, el } from "../dom.js";

/** How large a picture is shown, and all of it again. `side`: what it is called. */
export function zoom(pane, side) {
  const label = el("output", { class: "hint zoom-level" });
  pane.zoomed = () => (label.textContent = `${Math.round(pane.port.scale * window.devicePixelRatio * 100)} %`);
  pane.zoomed();
  return el("span", { class: "pane-zoom" }, label, button("Fit", { kind: "small", "aria-label": `Fit the ${side}`, on: { click: () => pane.port.fit() } }));
}

/** Import and export of one mask. */
export function files(side, { imported, exported }) {
  const input = el("input", {
    type: "file",
    accept: "image/*",
    class: "unseen",
    tabindex: "-1",
    "aria-label": `Mask file of the ${side}`,
    on: { change: () => input.files.length && imported(input.files[0]).then(() => (input.value = "")) },
  });
  return el(
    "span",
    { class: "pane-files" },
    input,
    button("Import", { kind: "small", "aria-label": `Import a mask of the ${side}`, on: { click: () => input.click() } }),
    button("Export", { kind: "small", "aria-label": `Export the mask of the ${side}`, on: { click: exported } }),
  );
}

/** The painting's name, or a choice where there are several. */
export function tabs(paintings, shown, choose) {
  if (paintings.length < 2) return el("h3", { text: "Painting" });
  return el(
    "div",
    { class: "chips", role: "group", "aria-label": "Painting" },
    paintings.map((sheet, index) =>
      el("button", { type: "button", class: "chip", "aria-pressed": String(shown === index), text: sheet.picture.name, on: { click: () => choose(index) } }),
    ),
  );
}
