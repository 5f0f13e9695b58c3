// Two paintings side by side; zooming one zooms both.
import { api, resultUrl } from "./api.js";
import { differences } from "./detail.js";
import { button, el, fill } from "./dom.js";
import { setting, words } from "./format.js";
import { lost } from "./lost.js";
import { Viewer, link } from "./viewer.js";

export async function openCompare(node, first, second) {
  let jobs;
  try {
    jobs = await Promise.all([api.job(first), api.job(second)]);
  } catch (error) {
    lost(node, error);
    return;
  }
  const viewers = jobs.map((job) => new Viewer({ label: job.title, tools: false }));
  link(viewers);
  const all = (change) => () => change(viewers[0].port);
  fill(
    node,
    el(
      "header",
      { class: "page-head" },
      el("h1", { text: "Side by side" }),
      el(
        "div",
        { class: "zooms", role: "group", "aria-label": "Zoom" },
        button("Zoom out", { icon: "minus", quiet: true, on: { click: all((port) => port.zoom(1 / 1.5)) } }),
        button("1 : 1", { on: { click: all((port) => port.actual()) } }),
        button("Zoom in", { icon: "plus", quiet: true, on: { click: all((port) => port.zoom(1.5)) } }),
        button("Fit", { on: { click: all((port) => port.fit()) } }),
      ),
    ),
    el(
      "div",
      { class: "pair" },
      jobs.map((job, index) =>
        el(
          "figure",
          {},
          viewers[index].node,
          el("figcaption", {}, el("a", { href: `#picture/${job.id}`, text: job.title }), el("span", { class: "hint", text: apart(job, jobs[1 - index]) })),
        ),
      ),
    ),
  );
  jobs.forEach((job, index) => viewers[index].show(resultUrl(job), job.size));
}

/** What one painting has that the other has not. */
function apart(job, other) {
  const theirs = new Map(differences(other).map(([key, value]) => [key, setting(value)]));
  const own = differences(job).filter(([key, value]) => theirs.get(key) !== setting(value));
  if (!own.length && differences(job).length === theirs.size) return "the same settings";
  return own.length ? own.map(([key, value]) => `${words(key).toLowerCase()} ${setting(value)}`).join(" · ") : "the defaults where the other differs";
}
