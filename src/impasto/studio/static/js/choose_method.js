// The methods side by side: one photograph painted by each, with a plain name, what it is like, and how long it takes.
import { api } from "./api.js";
import { button, dialog, el, errorLine } from "./dom.js";
import { change, chosenMethod, job } from "./fitting.js";
import { draft, known, tell } from "./state.js";

export const methodPicture = (name) => `/static/methods/${name}.jpg`;

const KINDS = [
  ["Worked out for each picture", (method) => !method.feed_forward],
  ["At once, in any style", (method) => method.feed_forward && method.styles],
  ["At once, in a style that was learnt", (method) => method.feed_forward && !method.styles],
];

/** Methods of another purpose: what is drawn in flat colours, and faces. */
const APART = ["doodle", "portrait"];

/** Paint the pictures that are chosen by every method, small and quick, as a grid to choose from. */
function tryAll(close) {
  if (!draft.content || !draft.styles.length) return null;
  const methods = known.schema.methods.filter((method) => method.available && method.styles && !APART.includes(method.name));
  const trouble = errorLine();
  const go = button(`Paint a draft by each of ${methods.length}`, {
    icon: "grid",
    on: {
      click: async () => {
        go.disabled = true;
        try {
          const base = { ...job(), styles: draft.styles.slice(0, 1).map((style) => style.picture.id), content_mask: null, style_masks: [], region_names: null, landmarks: null, preset: "draft", recipe: {} };
          const made = await api.sweep(base, { method: methods.map((method) => method.name) });
          close();
          tell("jobs");
          location.hash = `#sweep/${made.sweep}`;
        } catch (error) {
          trouble.show(error);
          go.disabled = false;
        }
      },
    },
  });
  return el("div", { class: "try-all" }, el("p", { class: "hint", text: "Not sure? See your own pictures painted by each, and say two at a time which is better." }), go, trouble.node);
}

/** Open the dialog. */
export function chooseMethod() {
  const shown = dialog(
    "Choose a method",
    { wide: true },
    tryAll(() => shown.close()),
    KINDS.map(([title, of]) => [
      el("h3", { text: title }),
      el(
        "div",
        { class: "methods" },
        known.schema.methods.filter(of).map((method) =>
          el(
            "button",
            {
              type: "button",
              class: "method",
              disabled: !method.available,
              "aria-pressed": String(method.name === chosenMethod().name),
              on: {
                click: () => {
                  change("method", method.name);
                  shown.close();
                },
              },
            },
            el("img", { src: methodPicture(method.name), alt: "", loading: "lazy" }),
            el("span", { class: "method-title", text: method.title }),
            el("span", { class: "hint", text: method.like }),
            el("span", { class: "hint method-cost", text: method.available ? method.cost : "no network yet" }),
          ),
        ),
      ),
    ]).flat(),
  );
}
