// Points of two faces, placed by hand: the same ones on the photograph and on the painting, five to start with.
import { pictureUrl } from "./api.js";
import { button, dialog, el, errorLine, fill } from "./dom.js";
import { draft, tell } from "./state.js";
import { Viewer, link } from "./viewer.js";

const MOST = 68;
const LEAST = 3;
const STEP = 0.004;
/** Where a face has them, in fractions of a square around it: eyes, tip of the nose, corners of the mouth. */
const START = [
  ["left eye", 0.31, 0.37],
  ["right eye", 0.69, 0.37],
  ["nose", 0.5, 0.59],
  ["left of the mouth", 0.34, 0.78],
  ["right of the mouth", 0.66, 0.78],
];
/** Part of the picture's short side that a face takes before anybody moved it. */
const FACE = 0.5;

/** Begin in the middle, a little above it, where faces are. */
function start({ width, height }) {
  const side = FACE * Math.min(width, height);
  return START.map(([, x, y]) => [0.5 + ((x - 0.5) * side) / width, 0.45 + ((y - 0.5) * side) / height]);
}

/** Open the dialog on the photograph and the first painting. */
export function openLandmarks() {
  const pictures = [draft.content, draft.styles[0].picture];
  const given = draft.landmarks;
  const points = given ? [structuredClone(given.content), structuredClone(given.style)] : pictures.map(start);
  const trouble = errorLine();
  const hint = el("p", { class: "hint", role: "status" });
  const labels = () => points[0].map((_, index) => START[index]?.[0] ?? `point ${index + 1}`);
  const viewers = ["Photograph", "Painting"].map((label, side) => new Viewer({ label, tools: false, changed: () => place(side) }));
  const dots = [[], []];

  /** Put the points of a side where they are seen now. */
  function place(side) {
    const { port } = viewers[side];
    points[side].forEach(([x, y], index) => {
      const dot = dots[side][index];
      if (dot) dot.style.transform = `translate(${port.x + x * port.width * port.scale}px, ${port.y + y * port.height * port.scale}px)`;
    });
  }

  function dot(side, index) {
    const name = labels()[index];
    const move = (x, y) => {
      points[side][index] = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
      place(side);
    };
    const node = el("button", { type: "button", class: "landmark", "aria-label": `${name}, ${side ? "painting" : "photograph"}; arrows move it`, title: name, data: { point: `${side} ${index}` } }, el("span", { text: String(index + 1) }));
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      node.focus();
      node.setPointerCapture(event.pointerId);
      node.onpointermove = (moved) => {
        const { port } = viewers[side];
        const [x, y] = port.toPicture(moved.clientX, moved.clientY);
        move(x / port.width, y / port.height);
      };
    });
    for (const kind of ["pointerup", "pointercancel"]) node.addEventListener(kind, () => (node.onpointermove = null));
    node.addEventListener("keydown", (event) => {
      const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] ?? [];
      if (dx === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      const [x, y] = points[side][index];
      move(x + dx, y + dy);
    });
    // The same point of the other face is marked along.
    const twin = (on) => () => dots[1 - side][index]?.classList.toggle("twin", on);
    node.addEventListener("focus", twin(true));
    node.addEventListener("blur", twin(false));
    return node;
  }

  function draw() {
    for (const side of [0, 1]) {
      for (const each of dots[side]) each.remove();
      dots[side] = points[side].map((_, index) => dot(side, index));
      viewers[side].host.append(...dots[side]);
      place(side);
    }
    add.disabled = points[0].length >= MOST;
    less.disabled = points[0].length <= LEAST;
    hint.textContent = `${points[0].length} points. Each number is the same place of both faces; more points fit better. The wheel zooms.`;
  }

  const add = button("Add a point", {
    icon: "plus",
    on: {
      click: () => {
        for (const side of [0, 1]) {
          const { port } = viewers[side];
          const [x, y] = port.toPicture(port.box.left + port.box.width / 2, port.box.top + port.box.height * (0.5 + 0.02 * (points[side].length % 7)));
          points[side].push([Math.min(1, Math.max(0, x / port.width)), Math.min(1, Math.max(0, y / port.height))]);
        }
        draw();
        dots[0].at(-1).focus();
      },
    },
  });
  const less = button("Take the last away", {
    icon: "minus",
    on: {
      click: () => {
        for (const side of points) side.pop();
        draw();
      },
    },
  });
  const done = (landmarks) => {
    draft.landmarks = landmarks;
    shown.close();
    tell("sources");
  };
  const shown = dialog("Points of the faces", { full: true });
  fill(
    shown.body,
    el("div", { class: "actions" }, add, less, hint),
    el("div", { class: "panes landmark-panes" }, viewers.map((viewer, side) => el("section", { class: "sheet", "aria-label": side ? "Painting" : "Photograph" }, el("h3", { text: side ? "Painting" : "Photograph" }), viewer.node))),
    trouble.node,
    el(
      "div",
      { class: "actions" },
      button("Use these points", { kind: "primary", on: { click: () => done({ content: points[0], style: points[1] }) } }),
      button("Find the faces by itself", { on: { click: () => done(null) } }),
    ),
  );
  link(viewers);
  viewers.forEach((viewer, side) => viewer.show(pictureUrl(pictures[side].id, 2048), [pictures[side].height, pictures[side].width]));
  draw();
}
