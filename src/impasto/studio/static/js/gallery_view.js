// Which paintings the gallery shows: by method, painting, photograph, star and words; and which of them are selected.
import { api, zipUrl } from "./api.js";
import { button, el, fill, toast } from "./dom.js";
import { known, pictures, tell } from "./state.js";

/** What a method is called, by its name. */
export const titleOf = (name) => known.schema.methods.find((method) => method.name === name)?.title ?? name;

/** What the method of a painting is called. */
export const methodOf = (job) => titleOf(job.recipe.method);

const plainName = (id) => (pictures.get(id)?.name ?? "").replace(/\.[^.]*$/, "").replaceAll("_", " ");

/** The paintings that it was painted with, or the style that a network learnt. */
export function styleOf(job) {
  if (job.styles.length) return job.styles.map(plainName).filter(Boolean).join(", ");
  return job.recipe.network === "auto" ? "" : job.recipe.network.replaceAll("_", " ");
}

export const photoOf = (job) => (job.content ? plainName(job.content) : "");

/** A row of filters: {node, passes(job), update(jobs)}; `changed` hears of each change. */
export function filters(changed) {
  const choice = (label, of) => {
    const node = el("select", { "aria-label": label, on: { change: changed } });
    let listed = "";
    const update = (jobs) => {
      const values = [...new Set(jobs.map(of).filter(Boolean))].sort();
      if (String(values) === listed) return;
      listed = String(values);
      const now = node.value;
      fill(node, el("option", { value: "", text: label }), values.map((value) => el("option", { value, text: value })));
      node.value = values.includes(now) ? now : "";
    };
    return { node, update, passes: (job) => !node.value || of(job) === node.value, clear: () => (node.value = "") };
  };
  const choices = [choice("All methods", methodOf), choice("All paintings", styleOf), choice("All photographs", photoOf)];
  const star = button("Starred only", {
    icon: "star",
    quiet: true,
    "aria-pressed": "false",
    on: {
      click: () => {
        star.setAttribute("aria-pressed", String(star.getAttribute("aria-pressed") !== "true"));
        changed();
      },
    },
  });
  const search = el("input", { type: "search", placeholder: "Search", "aria-label": "Search by name", on: { input: changed } });
  return {
    node: el("div", { class: "filters" }, search, choices.map(({ node }) => node), star),
    update: (jobs) => choices.forEach((each) => each.update(jobs)),
    passes: (job) =>
      choices.every((each) => each.passes(job)) &&
      (star.getAttribute("aria-pressed") !== "true" || job.starred) &&
      job.title.toLowerCase().includes(search.value.trim().toLowerCase()),
    clear: () => {
      for (const each of choices) each.clear();
      star.setAttribute("aria-pressed", "false");
      search.value = "";
    },
  };
}

/** Paintings of which the best is found, at most. */
export const CHOSEN_FROM = 12;

/** Address of the view that finds the best of paintings. */
export const bestOf = (ids) => `#best/${ids.join("/")}`;

/** What can be done with the paintings that are selected: a row of buttons. */
export function selectionBar(gallery) {
  const count = el("span", { class: "hint", role: "status" });
  let sure = false;
  const chosen = () => gallery.jobs.filter((job) => gallery.selected.has(job.id));
  const zip = el("a", { class: "button", text: "Download", download: "" });
  const compare = button("Compare", { icon: "swap", on: { click: () => (location.hash = `#compare/${[...gallery.selected].join("/")}`) } });
  const best = button("Find the best", { icon: "check", on: { click: () => (location.hash = bestOf([...gallery.selected])) } });
  const star = button("Star", {
    icon: "star",
    on: {
      click: async () => {
        const starred = !chosen().every((job) => job.starred);
        await Promise.allSettled(chosen().map((job) => api.change(job.id, { starred })));
        tell("jobs");
      },
    },
  });
  const remove = button("Delete", {
    icon: "trash",
    kind: "delete",
    on: {
      click: async () => {
        if (!sure) {
          sure = true;
          update();
          return;
        }
        const results = await Promise.allSettled(chosen().map((job) => api.removeJob(job.id)));
        const failed = results.filter((result) => result.status === "rejected");
        if (failed.length) toast(`${failed.length} could not be deleted: ${failed[0].reason.message}`);
        gallery.selected.clear();
        sure = false;
        tell("jobs");
        update();
      },
    },
  });
  const node = el("div", { class: "selection" }, count, zip, compare, best, star, remove, button("All", { on: { click: () => gallery.selectAll() } }), button("Done", { on: { click: () => gallery.toggleSelecting() } }));
  function update(keep = true) {
    const jobs = chosen();
    if (!keep) sure = false;
    count.textContent = jobs.length ? `${jobs.length} selected` : "Select paintings.";
    const kept = jobs.filter((job) => job.kept);
    zip.hidden = !kept.length;
    zip.href = zipUrl(kept.map((job) => job.id));
    compare.disabled = kept.length !== 2 || jobs.length !== 2;
    best.disabled = kept.length < 2 || kept.length !== jobs.length || jobs.length > CHOSEN_FROM;
    best.title = best.disabled ? `Select 2 to ${CHOSEN_FROM} finished paintings` : "Two at a time, until the best is sure";
    star.disabled = remove.disabled = !jobs.length;
    remove.lastChild.textContent = sure ? `Delete ${jobs.length} for good?` : "Delete";
  }
  update();
  return { node, update: () => update(false) };
}
