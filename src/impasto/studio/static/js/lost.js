// A view of something that is not here, or cannot be shown.
import { el, fill } from "./dom.js";

/** Say in a view why there is nothing, and where there is something. */
export function lost(node, reason) {
  fill(
    node,
    el("h1", { text: "Not here" }),
    el("p", { class: "error-line", role: "alert", text: reason.message ?? reason }),
    el("a", { class: "button", href: "#gallery", text: "To the gallery" }),
  );
}
