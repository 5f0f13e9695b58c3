// The command line that paints the same.
import { api } from "./api.js";
import { button, dialog, el, errorLine, fill } from "./dom.js";

export async function openCommand(id) {
  const trouble = errorLine();
  const code = el("pre", { class: "code", tabindex: "0", "aria-label": "Command line" });
  const copy = button("Copy", {
    icon: "copy",
    kind: "primary",
    on: {
      click: async () => {
        try {
          await navigator.clipboard.writeText(code.textContent);
        } catch {
          // Without a safe connection there is no clipboard; then it is selected, ready for the keyboard.
          getSelection().selectAllChildren(code);
          trouble.show("This browser does not let pages copy here; the text is selected, press Ctrl C.");
          return;
        }
        copy.lastChild.textContent = "Copied";
        setTimeout(() => (copy.lastChild.textContent = "Copy"), 2000);
      },
    },
  });
  const shown = dialog("The same on the command line", { wide: true });
  fill(
    shown.body,
    code,
    el("p", { class: "hint", text: "Names are those of the files you uploaded; run it in the folder where they are." }),
    trouble.node,
    el("div", { class: "actions" }, copy),
  );
  try {
    const [command, job] = await Promise.all([api.command(id), api.job(id)]);
    code.textContent = command.shell;
    if (job.landmarks) shown.body.append(pointFiles(job.landmarks));
  } catch (error) {
    trouble.show(error);
  }
}

/** The points of the faces as the files that the command names. */
function pointFiles({ content, style }) {
  const file = (name, points) => {
    const url = URL.createObjectURL(new Blob([JSON.stringify({ unit: "fraction", points })], { type: "application/json" }));
    return el("a", { class: "button", href: url, download: name, text: name });
  };
  return el(
    "div",
    { class: "actions" },
    el("span", { class: "hint", text: "The points that were placed:" }),
    file("points_of_the_photograph.json", content),
    file("points_of_the_painting.json", style),
  );
}
