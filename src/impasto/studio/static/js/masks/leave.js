// What is asked before masks are left that nothing uses yet.
import { button, dialog, el } from "../dom.js";

/** Ask what becomes of the masks: `keep` and `discard` are called for what is chosen, nothing where it goes on. */
export function askToLeave({ keep, discard }) {
  const asked = dialog("These masks are not in use yet", {}, el("p", { text: "Kept masks are here again when you paint masks of the same pictures." }));
  const choose = (label, kind, act) =>
    button(label, {
      kind,
      on: {
        click: () => {
          asked.close();
          act();
        },
      },
    });
  asked.body.append(
    el("div", { class: "actions" }, choose("Go on painting", "primary", () => {}), choose("Keep for later", "", keep), choose("Discard", "delete", discard)),
  );
}
