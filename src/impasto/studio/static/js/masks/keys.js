// The keys of the mask painter.

const TOOLS = { b: "brush", e: "eraser", g: "fill", f: "fill", l: "lasso" };
/** Sizes of the brush at least and at most, and how much a key changes it. */
const [SMALLEST, LARGEST, STEP] = [2, 600, 1.25];

/** Do what a key says in an editor. */
export function press(editor, event) {
  if (event.target.matches("input:not([type=range]), select")) return;
  if (event.key === " " && !event.target.matches("button, input, a, summary")) {
    event.preventDefault();
    editor.panning(true);
    return;
  }
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "y" || (key === "z" && event.shiftKey)) editor.redo();
    else if (key === "z") editor.undo();
    else return;
    event.preventDefault();
    return;
  }
  if (event.altKey) return;
  const { tools } = editor;
  if (TOOLS[key]) tools.tool = TOOLS[key];
  else if (key === "[") tools.size = Math.max(SMALLEST, Math.round(tools.size / STEP));
  else if (key === "]") tools.size = Math.min(LARGEST, Math.ceil(tools.size * STEP));
  else if (/^[1-9]$/.test(key)) tools.label = Number(key);
  else if (key === "i") editor.invert();
  else if (key === "h") editor.moving(!tools.moving);
  else return;
  event.preventDefault();
  event.stopPropagation();
  editor.bar.update();
}
