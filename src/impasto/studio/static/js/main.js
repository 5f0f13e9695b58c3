// Where everything begins: what the server knows, the parts of the page, the views, the keys.
import { api } from "./api.js";
import { openBest } from "./best.js";
import { Live } from "./camera/view.js";
import { openCompare } from "./compare.js";
import { connection, warn } from "./connection.js";
import { openPicture } from "./detail.js";
import { el, fill } from "./dom.js";
import { Gallery } from "./gallery.js";
import { openHelp, startHelp, toggleTheme } from "./help.js";
import { openMasks } from "./masks/editor.js";
import { Session } from "./session.js";
import { startSettings } from "./settings.js";
import { startSources } from "./sources.js";
import { Stage } from "./stage.js";
import { known, loadPictures, on, restore } from "./state.js";
import { openGrid } from "./sweep.js";

const byId = (id) => document.getElementById(id);
const VIEWS = ["paint", "gallery", "picture", "sweep", "compare", "live", "best"];

async function start() {
  startHelp(byId("bar-end"));
  const [schema] = await Promise.all([api.schema(), loadPictures()]);
  known.schema = schema;
  // The machine is told about only after it was looked at; nothing waits for that.
  const look = () => api.about().then((about) => (known.about = about, warn(about.folder.warning))).catch(() => {});
  look();
  on("ended", look);
  restore();
  startSources(byId("sources"));
  startSettings(byId("settings"));
  const stage = new Stage(byId("stage"));
  const session = new Session(stage, byId("dock"));
  const gallery = new Gallery(byId("view-gallery"));
  const live = new Live(byId("view-live"));
  const views = { gallery, live, session };
  route(views);
  addEventListener("hashchange", ({ oldURL }) => route(views, new URL(oldURL).hash));
  addEventListener("keydown", (event) => key(event, session, stage));
  await session.refresh();
  document.documentElement.dataset.ready = "yes";
}

/** How far down each view was when it was left, by its address. */
const left = new Map();

function route({ gallery, live, session }, from = "") {
  if (from) left.set(from, scrollY);
  const [name, ...ids] = location.hash.slice(1).split("/");
  const view = VIEWS.includes(name) ? name : "paint";
  for (const each of VIEWS) byId(`view-${each}`).hidden = each !== view;
  for (const tab of document.querySelectorAll(".tabs a")) {
    const here = tab.dataset.view === (["paint", "live"].includes(view) ? view : "gallery");
    if (here) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  document.title = { paint: "impasto studio", gallery: "Gallery · impasto", live: "Live · impasto" }[view] ?? "Picture · impasto";
  const safe = ids.map(encodeURIComponent);
  if (view === "gallery") gallery.open();
  if (view === "live") live.open();
  else live.close();
  if (view === "picture") openPicture(byId("view-picture"), safe[0], session);
  if (view === "sweep") openGrid(byId("view-sweep"), safe[0]);
  if (view === "best") openBest(byId("view-best"), safe);
  if (view === "compare") openCompare(byId("view-compare"), safe[0], safe[1]);
  scrollTo(0, view === "gallery" ? (left.get(location.hash) ?? 0) : 0);
}

function key(event, session, stage) {
  const writing = event.target.matches("input:not([type=range], [type=checkbox]), select, textarea");
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    session.dock.paint();
    return;
  }
  if (writing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const does = {
    "?": openHelp,
    t: toggleTheme,
    g: () => (location.hash = location.hash === "#gallery" ? "#paint" : "#gallery"),
    m: openMasks,
    b: () => stage.toggle("wipe"),
    l: () => session.toggleCurves(),
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
    p: () => {
      if (session.job?.state === "running") session.act("pause");
      else if (session.job?.state === "paused") session.act("resume");
    },
  }[event.key];
  if (!does || (event.key.startsWith("Arrow") && event.target.matches("input, .viewer, [tabindex]"))) return;
  event.preventDefault();
  does();
}

/** Go to the painting beside the one that is shown large. */
function beside(step) {
  document.querySelector(`#view-picture:not([hidden]) [data-neighbour="${step}"]`)?.click();
}

function failed(error) {
  if (error.status === 401) {
    fill(byId("view-paint"), el("p", { class: "error-line", role: "alert", text: `${error.message} Open the address that the studio printed when it started.` }));
    return;
  }
  // It begins again by itself once the studio answers.
  connection.onReturn(() => location.reload());
  if (error.status !== 0) fill(byId("view-paint"), el("p", { class: "error-line", role: "alert", text: error.message }));
}

start().catch(failed);
