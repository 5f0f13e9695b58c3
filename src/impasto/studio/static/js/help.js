// Shortcuts, the theme, and the buttons for both.
import { button, dialog, el } from "./dom.js";

const SHORTCUTS = [
  [
    "Anywhere",
    [
      ["Ctrl Enter", "paint"],
      ["P", "pause, and go on"],
      ["G", "gallery"],
      ["M", "paint masks"],
      ["B", "before and after"],
      ["L", "loss curves"],
      ["T", "light or dark"],
      ["?", "this list"],
    ],
  ],
  [
    "On a picture",
    [
      ["+  −", "zoom"],
      ["0", "all of it"],
      ["1", "one pixel on one of the screen"],
      ["arrows", "move"],
    ],
  ],
  [
    "Masks",
    [
      ["B  E  G  L", "brush, eraser, fill, lasso"],
      ["[  ]", "size of the brush"],
      ["1 … 9", "colour"],
      ["H, hold Space", "hand: move the view"],
      ["Shift click", "a straight line from the last stroke"],
      ["I", "invert the region"],
      ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
      ["arrows, Enter", "move the brush, paint with it"],
    ],
  ],
];

export function openHelp() {
  if (document.querySelector("dialog[open]")) return;
  const shown = dialog(
    "Shortcuts",
    { wide: true },
    el(
      "div",
      { class: "shortcuts" },
      SHORTCUTS.map(([title, rows]) =>
        el(
          "section",
          {},
          el("h3", { text: title }),
          el("dl", {}, rows.map(([keys, what]) => el("div", {}, el("dt", {}, el("kbd", { text: keys })), el("dd", { text: what })))),
        ),
      ),
    ),
  );
  // Where it is longer than the window, keys can move it too.
  shown.body.tabIndex = 0;
}

const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

let themeButton = null;

export function toggleTheme() {
  const theme = dark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("impasto.theme", theme);
  } catch {
    // It lasts until the page is closed.
  }
  draw();
  dispatchEvent(new Event("resize"));
}

function draw() {
  const label = dark() ? "Light" : "Dark";
  const next = button(label, { icon: dark() ? "sun" : "moon", quiet: true, "aria-label": `Switch to ${label.toLowerCase()}`, on: { click: toggleTheme } });
  const focused = document.activeElement === themeButton;
  themeButton?.replaceWith(next);
  themeButton = next;
  if (focused) next.focus();
  return next;
}

export function startHelp(node) {
  node.append(draw(), button("Shortcuts (?)", { icon: "help", quiet: true, on: { click: openHelp } }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
