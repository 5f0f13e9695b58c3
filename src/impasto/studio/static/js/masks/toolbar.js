// Tools and colours of the mask painter.
import { button, el, fill, icon } from "../dom.js";
import { hex } from "./palette.js";

const TOOLS = [
  ["brush", "Brush", "B", "brush"],
  ["eraser", "Eraser", "E", "eraser"],
  ["fill", "Fill", "G", "bucket"],
  ["lasso", "Lasso", "L", "lasso"],
];
/** The widest edge that the slider gives, of the long side; settings have more. */
const MOST_FEATHER = 0.2;
/** A fraction of the picture below this is a slip of the brush. */
const TRACE = 2e-3;

/** Build the toolbar of an editor: {node, hint, update, say}. */
export function toolbar(editor) {
  const { tools } = editor;
  const change = (values) => {
    Object.assign(tools, values);
    update();
  };
  const kinds = TOOLS.map(([name, label, key, picture]) =>
    el(
      "button",
      { type: "button", class: "tool", title: `${label} (${key})`, "aria-label": label, data: { tool: name }, on: { click: () => change({ tool: name }) } },
      icon(picture),
      el("span", { text: label }),
    ),
  );
  const undo = button("Undo (Ctrl Z)", { icon: "undo", quiet: true, on: { click: () => editor.undo() } });
  const redo = button("Redo (Ctrl Shift Z)", { icon: "redo", quiet: true, on: { click: () => editor.redo() } });
  const hand = button("Move the view (H)", { icon: "hand", quiet: true, on: { click: () => editor.moving(!tools.moving) } });
  const slider = (label, low, high, get, set) => {
    const input = el("input", { type: "range", min: String(low), max: String(high), "aria-label": label, on: { input: () => set(Number(input.value)) } });
    return { node: el("label", { class: "tool-slider" }, el("span", { text: label }), input), read: () => (input.value = String(get())) };
  };
  const size = slider("Size", 2, 300, () => tools.size, (value) => change({ size: value }));
  const opacity = slider("Opacity", 10, 100, () => tools.opacity * 100, (value) => {
    change({ opacity: value / 100 });
    for (const pane of editor.panes) pane.opacity = tools.opacity;
  });
  const spread = slider("Spread", 4, 255, () => tools.spread, (value) => change({ spread: value }));
  spread.node.title = "How alike in colour the picture must be where the fill goes; to the right: all of an area";
  const feather = slider("Feather", 0, MOST_FEATHER * 1000, () => tools.feather * 1000, (value) => {
    editor.feather(value / 1000);
    update();
  });
  feather.node.title = "How softly regions go over into one another; to the left: hard edges";
  const swatches = el("div", { class: "swatches", role: "group", "aria-label": "Regions" });
  const name = el("input", {
    type: "text",
    maxlength: "40",
    autocomplete: "off",
    "aria-label": "Name of the region",
    on: {
      keydown: (event) => event.key === "Enter" && name.blur(),
      change: () => {
        tools.palette.names[tools.label] = name.value.trim() || tools.palette.plain(tools.label);
        editor.save();
        update();
      },
    },
  });
  const hint = el("p", { class: "hint mask-hint" });

  const count = el("select", { "aria-label": "How many regions" }, [0, 2, 3, 4, 5, 6].map((each) => el("option", { value: String(each), text: each ? String(each) : "as many as fit" })));
  const find = button("Find regions", {
    icon: "wand",
    on: {
      click: async () => {
        find.disabled = true;
        find.lastChild.textContent = "Looking…";
        try {
          await editor.automatic(Number(count.value));
        } catch (error) {
          editor.trouble.show(error);
        }
        find.lastChild.textContent = "Find regions";
        find.disabled = false;
      },
    },
  });

  const node = el(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Tools" },
    el("div", { class: "tools" }, kinds),
    el("div", { class: "tool-group" }, undo, redo, hand, button("Invert the region (I)", { icon: "swap", quiet: true, on: { click: () => editor.invert() } }), button("Clear both", { icon: "trash", quiet: true, on: { click: () => editor.clear() } })),
    el("div", { class: "tool-group sliders" }, size.node, opacity.node, spread.node, feather.node),
    el("div", { class: "tool-group" }, find, count),
    el("div", { class: "region-row" }, el("label", { class: "tool-slider region-name" }, el("span", { text: "Region" }), name), swatches),
  );

  function update() {
    for (const kind of kinds) kind.setAttribute("aria-pressed", String(kind.dataset.tool === tools.tool));
    hand.setAttribute("aria-pressed", String(tools.moving));
    size.read();
    opacity.read();
    spread.read();
    feather.read();
    spread.node.hidden = tools.tool !== "fill";
    size.node.hidden = tools.tool === "fill" || tools.tool === "lasso";
    undo.disabled = !editor.history.done.length;
    redo.disabled = !editor.history.undone.length;
    const focused = document.activeElement?.dataset?.label;
    fill(swatches, tools.palette.colours.map((colour, label) => (label ? swatch(colour, label) : null)));
    if (focused) swatches.querySelector(`[data-label="${focused}"]`)?.focus();
    if (document.activeElement !== name) name.value = tools.palette.names[tools.label];
    hint.textContent = advice();
  }

  function swatch(colour, label) {
    const fractions = (editor.fractions ?? [[], []]).map((each) => each[label] ?? 0);
    const name = tools.palette.names[label];
    const dot = el("span", { class: "swatch" });
    dot.style.background = hex(colour);
    const used = fractions.some((fraction) => fraction > 0);
    return el(
      "button",
      {
        type: "button",
        class: "swatch-button",
        title: `${name}${label < 10 ? ` (${label})` : ""}`,
        "aria-label": `${name}: ${percent(fractions[0])} of the ${editor.sheets[0].role}, ${percent(fractions[1])} of the painting`,
        "aria-pressed": String(label === tools.label),
        data: { label: String(label) },
        on: { click: () => change({ label, tool: tools.tool === "eraser" ? "brush" : tools.tool }) },
      },
      dot,
      used && el("span", { class: "swatch-fractions", text: fractions.map(percent).join(" · ") }),
    );
  }

  function advice() {
    if (!editor.fractions) return "Loading the pictures…";
    const [photo, painting] = editor.fractions;
    const { names } = tools.palette;
    if (photo.slice(1).every((fraction) => fraction === 0) && painting.slice(1).every((fraction) => fraction === 0)) {
      if (editor.doodle) return "Draw with flat colours, and paint the same colours on the painting, to say what each of them stands for.";
      return "Paint sky in one colour on both pictures, ground in another: each part is painted with the same part of the painting. What stays unpainted is a region too.";
    }
    const whole = painting.slice(1).every((fraction) => fraction === 0);
    if (whole && !editor.doodle) return "Without a mask of its own the painting lends all of itself to every region.";
    const lone = names.filter((_, label) => (photo[label] ?? 0) > TRACE && (painting[label] ?? 0) <= TRACE);
    if (lone.length) return `In the ${editor.sheets[0].role} alone: ${lone.join(", ")}. Paint it on the painting too, so that there is something to paint it with.`;
    const unused = names.filter((_, label) => (painting[label] ?? 0) > TRACE && (photo[label] ?? 0) <= TRACE);
    if (unused.length) return `In the painting alone: ${unused.join(", ")}. That part is not used.`;
    return `Percentages: how much of the ${editor.sheets[0].role} · of the painting a region has.`;
  }

  /** Say something until the next change. */
  const say = (text) => text && (hint.textContent = text);
  return { node, hint, update, say };
}

const percent = (fraction) => (fraction > 0 && fraction < 0.01 ? "<1 %" : `${Math.round(fraction * 100)} %`);
