// Settings that a person keeps under a name of theirs, in this browser.
import { button, dialog, el, fill, toast } from "./dom.js";
import { draft, tell } from "./state.js";

const KEY = "impasto.presets";

/** Those that are kept: {name: {preset, changed}}. */
export function ownPresets() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
  } catch {
    // Not ours, or damaged.
    return {};
  }
}

function keep(presets) {
  try {
    localStorage.setItem(KEY, JSON.stringify(presets));
  } catch {
    toast("This browser keeps nothing for the studio, so the settings are not kept.");
  }
  tell("recipe");
}

/** Take the settings that are kept under a name. */
export function useOwn(name) {
  const kept = ownPresets()[name];
  if (!kept) return;
  draft.preset = kept.preset;
  draft.changed = { ...kept.changed };
  tell("recipe");
}

/** Ask for a name, and list those that there are, to be deleted. */
export function openKeep() {
  const name = el("input", { type: "text", maxlength: "60", autocomplete: "off", "aria-label": "Name of the settings", placeholder: "for example: oil on linen" });
  const list = el("ul", { class: "own-presets" });
  const save = () => {
    const called = name.value.trim();
    if (!called) {
      name.focus();
      return;
    }
    keep({ ...ownPresets(), [called]: { preset: draft.preset, changed: draft.changed } });
    toast(`Kept as ${called}; it is among the presets.`);
    shown.close();
  };
  const draw = () =>
    fill(
      list,
      Object.keys(ownPresets()).map((each) =>
        el(
          "li",
          {},
          el("span", { text: each }),
          button(`Forget ${each}`, {
            icon: "trash",
            quiet: true,
            on: {
              click: () => {
                const { [each]: _, ...others } = ownPresets();
                keep(others);
                draw();
              },
            },
          }),
        ),
      ),
    );
  name.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    // Else the button that has the focus once this is closed would be pressed by the same key.
    event.preventDefault();
    save();
  });
  const shown = dialog("Keep these settings", {}, name, el("div", { class: "actions" }, button("Keep", { kind: "primary", on: { click: save } })), list);
  draw();
  name.focus();
}
