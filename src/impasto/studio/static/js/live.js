// News of paintings, as they happen. All pages of a browser share one stream; see stream.js.
import { ApiError } from "./request.js";
import { api } from "./api.js";
import { connection } from "./connection.js";
import { open } from "./stream.js";

/** Who watches: [{id, hear, over}]; without an id, all paintings. */
const watchers = new Set();
let started = false;

function start() {
  if (started) return;
  started = true;
  if (typeof SharedWorker === "undefined") alone();
  else shared();
}

function shared() {
  let port = null;
  const join = () => {
    ({ port } = new SharedWorker("/static/js/stream.js", { type: "module", name: "impasto" }));
    port.onmessage = ({ data }) => heard(data);
  };
  join();
  // A page that is put aside whole, and taken out again, is not left out.
  addEventListener("pagehide", () => port.postMessage("bye"));
  addEventListener("pageshow", ({ persisted }) => persisted && (join(), resume()));
}

/** Without a shared worker the stream is this page's own, and only while somebody looks at it. */
function alone() {
  let close = open(heard);
  document.addEventListener("visibilitychange", () => {
    close?.();
    close = document.hidden ? null : open(heard);
  });
}

function heard({ event, job, data }) {
  if (event === "lost") {
    connection.lost();
    return;
  }
  connection.found();
  if (event === "open") {
    resume();
    return;
  }
  for (const watcher of watchers) {
    if (!watcher.id) watcher.hear(event, data, job);
    else if (watcher.id === job && !watcher.over) {
      watcher.over = event === "end";
      watcher.hear(event, data);
    }
  }
}

/** Whatever happened while nobody listened is in the state of now. */
function resume() {
  for (const watcher of watchers) look(watcher);
}

async function look(watcher) {
  if (!watcher.id) {
    watcher.hear("open");
    return;
  }
  let job;
  try {
    job = await api.job(watcher.id);
  } catch (error) {
    if (error instanceof ApiError) return;
    throw error;
  }
  if (watcher.over || !watchers.has(watcher)) return;
  const over = !["queued", "running", "paused", "stopping"].includes(job.state);
  watcher.over = over;
  watcher.hear(over ? "end" : "job", job);
}

/** Watch a painting: `hear(event, data)` for each event. Gives a function that stops watching. */
export function watch(id, hear) {
  return add({ id, hear, over: false });
}

/** Watch all paintings: `hear(event, data, job)`, and "open" where some may have been missed. */
export function watchAll(hear) {
  return add({ id: null, hear });
}

function add(watcher) {
  watchers.add(watcher);
  start();
  look(watcher);
  return () => watchers.delete(watcher);
}
