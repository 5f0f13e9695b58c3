// Cutting a picture: a box with eight handles over it, fixed shapes, arrow keys.
import { api, pictureUrl } from "./api.js";
import { button, dialog, el, errorLine, fill } from "./dom.js";
import { draft, pictures, remember, replacePart } from "./state.js";

const LEAST = 16;
const SHAPES = [
  ["Free", 0],
  ["As it is", -1],
  ["1 : 1", 1],
  ["4 : 3", 4 / 3],
  ["3 : 2", 3 / 2],
  ["16 : 9", 16 / 9],
  ["3 : 4", 3 / 4],
  ["2 : 3", 2 / 3],
];
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** Keep a box inside the picture, whole pixels, in a shape (width over height) if it has one. */
export function settle(box, picture, shape) {
  let { left, top, width, height } = box;
  width = Math.min(Math.max(width, LEAST), picture.width);
  height = Math.min(Math.max(height, LEAST), picture.height);
  if (shape) {
    if (width / height > shape) width = height * shape;
    else height = width / shape;
  }
  width = Math.max(1, Math.round(width));
  height = Math.max(1, Math.round(height));
  left = Math.round(Math.min(Math.max(left, 0), picture.width - width));
  top = Math.round(Math.min(Math.max(top, 0), picture.height - height));
  return { left, top, width, height };
}

/** Cut the masks of a picture as it was cut: gives the parts, by the ids of the whole ones. */
async function masksOf(picture, box) {
  const masks = [draft.content?.id === picture.id && draft.contentMask, ...draft.styles.map((style) => style.picture.id === picture.id && style.mask)];
  const parts = new Map();
  for (const id of masks.filter(Boolean)) {
    const mask = pictures.get(id);
    const scale = mask.width / picture.width;
    parts.set(id, remember(await api.crop(id, scale === 1 ? box : scaled(box, scale, mask))).id);
  }
  return parts;
}

const scaled = ({ left, top, width, height }, scale, mask) =>
  settle({ left: left * scale, top: top * scale, width: width * scale, height: height * scale }, mask, 0);

/** Open the dialog; the part takes the picture's place, and its masks are cut along. */
export function crop(picture) {
  const trouble = errorLine();
  let shape = 0;
  let box = { left: 0, top: 0, width: picture.width, height: picture.height };
  const image = el("img", { src: pictureUrl(picture.id, 1400), alt: picture.name, draggable: "false" });
  const frame = el(
    "div",
    { class: "crop-box", tabindex: "0", role: "group", "aria-label": "Part that is kept; arrows move it, with Shift they change its size" },
    HANDLES.map((name) => el("span", { class: `handle ${name}`, data: { handle: name } })),
  );
  const area = el("div", { class: "crop-area" }, image, frame);
  const size = el("output", { class: "hint" });
  const draw = () => {
    const part = (value, all) => `${(100 * value) / all}%`;
    frame.style.left = part(box.left, picture.width);
    frame.style.top = part(box.top, picture.height);
    frame.style.width = part(box.width, picture.width);
    frame.style.height = part(box.height, picture.height);
    size.textContent = `${box.width} × ${box.height} of ${picture.width} × ${picture.height} pixels`;
  };
  const set = (next) => {
    box = settle(next, picture, shape);
    draw();
  };

  let grip = null;
  frame.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    frame.focus();
    frame.setPointerCapture(event.pointerId);
    grip = { handle: event.target.dataset.handle ?? "", x: event.clientX, y: event.clientY, box };
  });
  frame.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const unit = picture.width / area.getBoundingClientRect().width;
    const dx = (event.clientX - grip.x) * unit;
    const dy = (event.clientY - grip.y) * unit;
    set(dragged(grip.box, grip.handle, dx, dy, shape));
  });
  for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => (grip = null));
  frame.addEventListener("keydown", (event) => {
    const step = Math.max(1, Math.round(picture.width / 100));
    const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    set(event.shiftKey ? dragged(box, "se", dx, dy || (shape ? dx / shape : 0), shape) : { ...box, left: box.left + dx, top: box.top + dy });
  });

  const shapes = SHAPES.map(([label, value]) =>
    el("button", {
      type: "button",
      class: "chip",
      "aria-pressed": String(value === shape),
      text: label,
      on: {
        click: (event) => {
          shape = value < 0 ? picture.width / picture.height : value;
          for (const chip of event.target.parentNode.children) chip.setAttribute("aria-pressed", String(chip === event.target));
          // As much of the picture as has this shape, about the middle of what was chosen.
          const whole = settle({ left: 0, top: 0, width: picture.width, height: picture.height }, picture, shape);
          const [cx, cy] = [box.left + box.width / 2, box.top + box.height / 2];
          set(shape ? { ...whole, left: cx - whole.width / 2, top: cy - whole.height / 2 } : box);
        },
      },
    }),
  );
  const go = button("Crop", {
    kind: "primary",
    on: {
      click: async () => {
        go.disabled = true;
        trouble.clear();
        try {
          const part = remember(await api.crop(picture.id, box));
          replacePart(picture, part, await masksOf(picture, box));
          shown.close();
        } catch (error) {
          trouble.show(error);
        }
        go.disabled = false;
      },
    },
  });
  const shown = dialog("Crop", { wide: true });
  fill(shown.body, el("div", { class: "chips", role: "group", "aria-label": "Shape" }, shapes), area, size, trouble.node, el("div", { class: "actions" }, go));
  draw();
}

/** Where a box is after one of its handles moved; without a handle all of it moves. */
export function dragged(box, handle, dx, dy, shape) {
  if (!handle) return { ...box, left: box.left + dx, top: box.top + dy };
  let { left, top, width, height } = box;
  const right = left + width;
  const bottom = top + height;
  if (handle.includes("e")) width = Math.max(LEAST, width + dx);
  if (handle.includes("w")) width = Math.max(LEAST, Math.min(right, width - dx));
  if (handle.includes("s")) height = Math.max(LEAST, height + dy);
  if (handle.includes("n")) height = Math.max(LEAST, Math.min(bottom, height - dy));
  if (shape) {
    if (handle === "n" || handle === "s") width = height * shape;
    else height = width / shape;
  }
  if (handle.includes("w")) left = right - width;
  if (handle.includes("n")) top = bottom - height;
  return { left, top, width, height };
}
