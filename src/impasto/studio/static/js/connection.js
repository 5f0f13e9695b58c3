// Whether the studio answers. While it does not, a calm line says so, and the page asks again now and then.

const EVERY_MS = 1500;
const listeners = new Set();
let away = false;

async function ask() {
  try {
    // A server that is starting answers with errors, or not at all.
    const response = await fetch("/api/about", { cache: "no-store" });
    if (response.ok) return connection.found();
  } catch {
    // Still away.
  }
  setTimeout(ask, EVERY_MS);
}

/** Say that room is short, in the banner, as long as it is. */
export function warn(text) {
  const banner = document.getElementById("banner");
  if (away) return;
  banner.textContent = text ?? "";
  banner.hidden = !text;
}

export const connection = {
  /** Call `listener` whenever the studio is back after it was away. */
  onReturn: (listener) => listeners.add(listener),

  lost() {
    if (away) return;
    away = true;
    const banner = document.getElementById("banner");
    banner.textContent = "The studio does not answer. It keeps what it has painted; this page goes on by itself as soon as it is back.";
    banner.hidden = false;
    setTimeout(ask, EVERY_MS);
  },

  found() {
    if (!away) return;
    away = false;
    document.getElementById("banner").hidden = true;
    for (const listener of listeners) listener();
  },
};
