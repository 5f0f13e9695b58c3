// One past painting: large, with its recipe, and what can be done with it.
import { api, clipUrl, downloadUrl, pictureUrl, resultUrl, previewUrl } from "./api.js";
import { openCommand } from "./command.js";
import { button, el, fill, icon, toast } from "./dom.js";
import { figures } from "./figures.js";
import { ACTIVE, dimensions, duration, moment, setting, words } from "./format.js";
import { order, state } from "./gallery.js";
import { methodOf, styleOf } from "./gallery_view.js";
import { lost } from "./lost.js";
import { player } from "./player.js";
import { reuse } from "./reuse.js";
import { adoptJob } from "./adopt.js";
import { base } from "./fitting.js";
import { pictures, same, tell } from "./state.js";
import { Viewer } from "./viewer.js";

/** Settings of a job that differ from the defaults: [[key, value]]. */
export function differences(job) {
  const plain = base(null);
  return Object.entries(job.recipe).filter(([key, value]) => key in plain && key !== "version" && !same(value, plain[key]));
}

export async function openPicture(node, id, session) {
  fill(node, el("p", { class: "hint", text: "Loading…" }));
  let job;
  try {
    job = await api.job(id);
  } catch (error) {
    lost(node, error);
    return;
  }
  const viewer = new Viewer({ label: job.title });
  const wipe = button("Before / after", {
    "aria-pressed": "false",
    on: {
      click: () => {
        const on = wipe.getAttribute("aria-pressed") !== "true";
        wipe.setAttribute("aria-pressed", String(on));
        viewer.compare(on ? pictureUrl(job.content, 2048) : null);
      },
    },
  });
  if (job.kept) viewer.show(resultUrl(job), job.size);
  else if (job.preview_version) viewer.show(previewUrl(job), job.size);
  fill(
    node,
    el("div", { class: "detail-picture" }, job.kept && job.clip ? el("div", { class: "screen" }, player(job)) : job.kept || job.preview_version ? viewer.node : el("div", { class: "nothing" }, el("p", { class: "hint", text: "There is no picture." }))),
    el(
      "aside",
      { class: "detail-side" },
      el("nav", { class: "around", "aria-label": "Paintings" }, el("a", { class: "back", href: "#gallery", text: "‹ Gallery" }), neighbour(id, -1), neighbour(id, 1)),
      heading(job),
      el("p", { class: "hint facts" }, state(job), el("span", { text: facts(job) })),
      job.error && el("p", { class: "error-line", text: job.error }),
      el(
        "div",
        { class: "actions" },
        button("Use these settings", {
          kind: "primary",
          on: {
            click: () => {
              adoptJob(job);
              location.hash = "#paint";
            },
          },
        }),
        ACTIVE.includes(job.state) && el("a", { class: "button", href: "#paint", text: "Watch it", on: { click: () => session.follow(job) } }),
        ACTIVE.includes(job.state) &&
          button("Cancel", {
            on: {
              click: async () => {
                await api.act(id, "cancel").catch((error) => toast(error.message));
                tell("jobs");
                openPicture(node, id, session);
              },
            },
          }),
        job.kept && !job.clip && job.content && pictures.has(job.content) && wipe,
      ),
      job.kept &&
        el(
          "div",
          { class: "actions" },
          job.clip && el("a", { class: "button", href: clipUrl(id, true), download: "", text: "MP4", "aria-label": "Download MP4" }),
          (job.clip ? ["png"] : ["png", "jpeg", "webp"]).map((format) =>
            el("a", { class: "button", href: downloadUrl(id, format), download: "", text: { png: "PNG", jpeg: "JPEG", webp: "WebP" }[format], "aria-label": `Download ${format.toUpperCase()}` }),
          ),
          button("Command", { on: { click: () => openCommand(id) } }),
        ),
      job.kept && reuse(job),
      inputs(job),
      figures(job),
      el("h2", { text: "Settings that differ from the defaults" }),
      recipe(job),
      job.notices?.length > 0 && [el("h2", { text: "Notes" }), el("ul", { class: "notes" }, job.notices.map((text) => el("li", { text })))],
      remove(job),
    ),
  );
}

/** Its name, to be changed where it stands, and its star. */
function heading(job) {
  const title = el("h1", { text: job.title });
  const star = button("Star", {
    icon: "star",
    quiet: true,
    "aria-pressed": String(job.starred),
    on: {
      click: async () => {
        try {
          job = await api.change(job.id, { starred: !job.starred });
        } catch (error) {
          toast(error.message);
        }
        star.setAttribute("aria-pressed", String(job.starred));
        tell("jobs");
      },
    },
  });
  const rename = () => {
    const field = el("input", { type: "text", value: job.title, maxlength: "120", "aria-label": "Name of the painting" });
    let over = false;
    const done = async (keep) => {
      // Taking the field away blurs it, which is no second answer.
      if (over) return;
      over = true;
      field.replaceWith(title);
      pen.hidden = false;
      if (!keep || !field.value.trim() || field.value === job.title) return;
      try {
        job = await api.change(job.id, { title: field.value });
      } catch (error) {
        toast(error.message);
      }
      title.textContent = job.title;
      tell("jobs");
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") done(true);
      if (event.key === "Escape") done(false);
    });
    field.addEventListener("blur", () => done(true));
    title.replaceWith(field);
    pen.hidden = true;
    field.select();
  };
  const pen = button("Rename", { icon: "pen", quiet: true, on: { click: rename } });
  return el("div", { class: "heading" }, title, pen, star);
}

/** A way to the painting beside this one in the gallery. */
function neighbour(id, step) {
  const next = order[order.indexOf(id) + step];
  if (!order.includes(id) || !next) return null;
  const label = step < 0 ? "The one before" : "The next one";
  return el("a", { class: "button icon-only", href: `#picture/${next}`, "aria-label": label, title: `${label} (${step < 0 ? "←" : "→"})`, data: { neighbour: String(step) } }, icon(step < 0 ? "back" : "next"));
}

function facts(job) {
  const parts = [methodOf(job), styleOf(job), dimensions(job.size), moment(job.finished ?? job.created)];
  if (job.elapsed_s) parts.push(`painted in ${duration(job.elapsed_s)}`);
  if (job.preset) parts.push(`preset ${job.preset}`);
  return parts.filter(Boolean).join(" · ");
}

function inputs(job) {
  const shown = [job.content, ...job.styles, job.content_mask, ...job.style_masks].filter((id) => id && pictures.has(id));
  return el(
    "div",
    { class: "inputs" },
    shown.map((id) => el("img", { src: pictureUrl(id, 192), alt: pictures.get(id).name, title: pictures.get(id).name, loading: "lazy" })),
  );
}

function recipe(job) {
  const rows = differences(job);
  if (!rows.length) return el("p", { class: "hint", text: "None: these are the defaults." });
  return el(
    "dl",
    { class: "recipe" },
    rows.map(([key, value]) => el("div", {}, el("dt", { text: words(key) }), el("dd", { text: key === "method" ? methodOf(job) : setting(value) || "none" }))),
  );
}

function remove(job) {
  if (ACTIVE.includes(job.state)) return null;
  let sure = false;
  const node = button("Delete", {
    icon: "trash",
    kind: "delete",
    on: {
      click: async () => {
        if (!sure) {
          sure = true;
          node.lastChild.textContent = "Delete for good?";
          setTimeout(() => ((sure = false), (node.lastChild.textContent = "Delete")), 4000);
          return;
        }
        try {
          await api.removeJob(job.id);
          tell("jobs");
          location.hash = "#gallery";
        } catch (error) {
          toast(error.message);
        }
      },
    },
  });
  return node;
}
