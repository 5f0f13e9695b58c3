// The methods side by side: one photograph painted by each, with a plain name, what it is like, and how long it takes.
import { dialog, el } from "./dom.js";
import { change, chosenMethod } from "./fitting.js";
import { known } from "./state.js";

export const methodPicture = (name) => `/static/methods/${name}.jpg`;

const KINDS = [
  ["Worked out for each picture", (method) => !method.feed_forward],
  ["At once, in any style", (method) => method.feed_forward && method.styles],
  ["At once, in a style that was learnt", (method) => method.feed_forward && !method.styles],
];

/** Open the dialog. */
export function chooseMethod() {
  const shown = dialog(
    "Choose a method",
    { wide: true },
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
