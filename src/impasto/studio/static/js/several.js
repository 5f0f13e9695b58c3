// Several photographs with several paintings, each with each, in one go; what comes of it is a grid.
import { api, pictureUrl } from "./api.js";
import { button, dialog, el, errorLine, fill } from "./dom.js";
import { job, usesStyles } from "./fitting.js";
import { draft, known, pictures, tell } from "./state.js";

const MOST = 36;

/** Ask which, and paint them all with the settings that are chosen. */
export function openSeveral() {
  const trouble = errorLine();
  const own = (role) => [...pictures.values()].filter((picture) => picture.role === role && !isSample(picture.id));
  const isSample = (id) => [...known.samples.photos, ...known.samples.styles].some((picture) => picture.id === id);
  const rows = [
    { key: "content", title: "Photographs", list: [...own("content"), ...known.samples.photos], chosen: new Set(draft.content ? [draft.content.id] : []) },
    { key: "style", title: "Paintings", list: [...own("style"), ...known.samples.styles], chosen: new Set(draft.styles.map((style) => style.picture.id)) },
  ].filter(({ key }) => key === "content" || usesStyles());
  const count = el("p", { class: "hint", role: "status" });
  const go = button("Paint them all", {
    kind: "primary",
    on: {
      click: async () => {
        go.disabled = true;
        trouble.clear();
        try {
          // Masks are of one photograph and one painting, and a mixture of one job.
          const { style_weights: _, ...recipe } = job().recipe;
          const base = { ...job(), content_mask: null, style_masks: [], region_names: null, landmarks: null, recipe };
          const made = await api.sweep(base, Object.fromEntries(rows.map(({ key, list, chosen }) => [key, list.map(({ id }) => id).filter((id) => chosen.has(id))])));
          shown.close();
          tell("jobs");
          location.hash = `#sweep/${made.sweep}`;
        } catch (error) {
          trouble.show(error);
        }
        update();
      },
    },
  });
  function update() {
    const numbers = rows.map(({ chosen }) => chosen.size);
    const product = numbers.reduce((all, number) => all * number, 1);
    count.textContent = `${numbers.join(" × ")}${numbers.length > 1 ? ` = ${product}` : ""} pictures${product > MOST ? `; at most ${MOST} at once` : ""}, with the settings that are chosen${draft.contentMask ? ", without masks" : ""}.`;
    go.disabled = product < 1 || product > MOST;
  }
  const pick = (picture, chosen) =>
    el(
      "label",
      { class: "thumb pick" },
      el("input", {
        type: "checkbox",
        "aria-label": picture.name,
        checked: chosen.has(picture.id),
        on: {
          change: (event) => {
            chosen[event.target.checked ? "add" : "delete"](picture.id);
            update();
          },
        },
      }),
      el("img", { src: pictureUrl(picture.id, 320), alt: "", loading: "lazy" }),
      el("span", { class: "name", text: picture.name }),
    );
  const shown = dialog("Paint several at once", { wide: true });
  fill(
    shown.body,
    rows.map(({ title, list, chosen }) => [el("h3", { text: title }), el("div", { class: "shelf" }, list.map((picture) => pick(picture, chosen)))]).flat(),
    count,
    trouble.node,
    el("div", { class: "actions" }, go),
  );
  update();
}
