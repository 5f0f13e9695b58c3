// Elements without markup: whatever a person or a file says becomes text, never HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `props`: attributes, `on` with listeners, `data`, `text`; false and null leave out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "text") node.textContent = value;
    else if (key === "class") node.className = value;
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Put children in the place of all that were there. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Make an element of a drawing (SVG). */
export function drawn(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  crop: "M7 2v15h15M2 7h15v15",
  brush: "M4 20c3 0 4-1 4-3a2.5 2.5 0 0 1 5 0c0 3-4 4-9 3zM11 14L20 4l1 1-9 10",
  eraser: "M8 20h12M4 15L14 5l6 6-9 9H8z",
  bucket: "M4 12l8-8 8 8-8 8zM4 12h16M21 16c1 2 1 4 0 4s-1-2 0-4",
  lasso: "M12 4c5 0 9 2 9 5s-4 5-9 5-9-2-9-5 4-5 9-5zM7 13c-2 2-2 4 0 5s2 2 1 4",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 0 8",
  redo: "M15 7l5 5-5 5M20 12H10a6 6 0 0 0 0 8",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  help: "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17.5v.5",
  pause: "M8 5v14M16 5v14",
  play: "M7 4l13 8-13 8z",
  record: "M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12z",
  stop: "M6 6h12v12H6z",
  check: "M4 12l6 6L20 6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  swap: "M4 8h15l-4-4M20 16H5l4 4",
  reset: "M5 12a7 7 0 1 0 2-5L4 10M4 4v6h6",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  chart: "M4 4v16h16M7 9c2 5 5 7 12 8",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  wand: "M5 20L16 9M14 4v3M18.5 5.5l-2 2M20 10h-3M11 5.5l1.5 1.5",
  hand: "M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  star: "M12 3l2.7 5.8 6.3.7-4.7 4.3 1.3 6.2-5.6-3.2-5.6 3.2 1.3-6.2L3 9.5l6.3-.7z",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  pen: "M4 20h4L20 8l-4-4L4 16zM13 7l4 4",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
  first: "M12 20V7M6 12l6-6 6 6M5 3h14",
  more: "M6 12h.01M12 12h.01M18 12h.01",
};

/** Draw an icon of strokes; it says nothing to a screen reader. */
export function icon(name) {
  return drawn("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, drawn("path", { d: PATHS[name] }));
}

/** A button; `label` is shown, or only spoken where there is just an icon. */
export function button(label, { icon: name, kind = "", quiet = false, ...props } = {}) {
  const classes = ["button", kind, quiet && "icon-only"].filter(Boolean).join(" ");
  return el(
    "button",
    { type: "button", class: classes, ...(quiet ? { "aria-label": label, title: label } : {}), ...props },
    name && icon(name),
    !quiet && el("span", { text: label }),
  );
}

/** Run `change` once the calls have stopped for a while. */
export function debounced(delay, change) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => change(...values), delay);
  };
}

/** A place for one line about what went wrong, beside its cause. */
export function errorLine() {
  const node = el("p", { class: "error-line", role: "alert", hidden: true });
  return {
    node,
    show: (error) => {
      node.textContent = error instanceof Error ? error.message : String(error);
      node.hidden = false;
    },
    clear: () => {
      node.hidden = true;
      node.textContent = "";
    },
  };
}

/** Say something to a screen reader, and nothing on the page. */
export function speak(text) {
  document.getElementById("spoken").textContent = text;
}

/** Show a line for a few seconds, with at most one thing to do about it. */
export function toast(text, action = null) {
  const box = document.getElementById("toasts");
  const note = el("div", { class: "toast" }, el("span", { text }));
  const away = () => note.remove();
  if (action) {
    note.append(button(action.label, { on: { click: () => (away(), action.run()) } }));
  }
  note.append(button("Dismiss", { icon: "close", quiet: true, on: { click: away } }));
  box.append(note);
  setTimeout(away, action ? 12000 : 6000);
}

/**
 * Open a dialog; it closes by Escape, its cross, or a click beside it, if `mayClose` lets it. Gives the element and a
 * `close` that asks nobody.
 */
export function dialog(title, { wide = false, full = false, closed = () => {}, mayClose = () => true } = {}, ...children) {
  const name = `dialog-${Math.random().toString(36).slice(2)}`;
  const node = el("dialog", { class: `dialog ${wide ? "wide" : ""} ${full ? "full" : ""}`, "aria-labelledby": name });
  const body = el("div", { class: "dialog-body" }, ...children);
  const close = () => node.close();
  node.append(
    el(
      "header",
      { class: "dialog-head" },
      el("h2", { id: name, text: title }),
      button("Close", { icon: "close", quiet: true, on: { click: () => mayClose() && close() } }),
    ),
    body,
  );
  node.addEventListener("cancel", (event) => {
    if (event.target === node && !mayClose()) event.preventDefault();
  });
  node.addEventListener("close", () => {
    node.remove();
    closed();
  });
  node.addEventListener("pointerdown", (event) => {
    if (event.target === node && !full && mayClose()) close();
  });
  document.body.append(node);
  node.showModal();
  return { node, body, close };
}
