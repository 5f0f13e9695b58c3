// The studio's JSON API, one function for each thing it does.
import { connection } from "./connection.js";
import { ApiError, send } from "./request.js";

async function request(method, path, options) {
  try {
    const answer = await send(method, path, options);
    connection.found();
    return answer;
  } catch (error) {
    if (error instanceof ApiError) connection[error.status ? "found" : "lost"]();
    throw error;
  }
}

const get = (path, options) => request("GET", path, options);
const post = (path, json, options) => request("POST", path, { json, ...options });

export const api = {
  about: () => get("/api/about"),
  schema: () => get("/api/schema"),
  samples: () => get("/api/samples"),
  pictures: () => get("/api/pictures"),
  removePicture: (id) => request("DELETE", `/api/pictures/${id}`),
  upload: (file, role, name = file.name) =>
    request("POST", `/api/pictures?role=${role}`, {
      body: file,
      headers: {
        "Content-Type": file.type || "application/octet-stream",
        "X-Name": encodeURIComponent(name || "picture"),
      },
    }),
  uploadClip: (file) =>
    request("POST", "/api/clips", {
      body: file,
      headers: { "Content-Type": file.type || "application/octet-stream", "X-Name": encodeURIComponent(file.name || "clip") },
    }),
  crop: (picture, box) => post("/api/crop", { picture, ...box }),
  autoMasks: (content, style, regions) => post("/api/masks/auto", { content, style, regions }),
  checkMasks: (job) => post("/api/masks/check", job),
  estimate: (job, signal) => post("/api/estimate", job, { signal }),
  start: (job) => post("/api/jobs", job),
  sweep: (job, axes) => post("/api/sweeps", { job, axes }),
  jobs: (sweep = null) => get(sweep ? `/api/jobs?sweep=${encodeURIComponent(sweep)}` : "/api/jobs"),
  job: (id) => get(`/api/jobs/${id}`),
  history: (id) => get(`/api/jobs/${id}/history`),
  figures: (id) => get(`/api/jobs/${id}/figures`),
  command: (id) => get(`/api/jobs/${id}/command`),
  act: (id, action) => post(`/api/jobs/${id}/${action}`),
  change: (id, changes) => request("PATCH", `/api/jobs/${id}`, { json: changes }),
  use: (id, role) => post(`/api/jobs/${id}/use`, { role }),
  openChoice: (jobs) => post("/api/choices", { jobs }),
  choice: (id) => get(`/api/choices/${id}`),
  answerChoice: (id, answer) => post(`/api/choices/${id}/answer`, answer),
  undoChoice: (id) => post(`/api/choices/${id}/undo`),
  openLive: (asked) => post("/api/live", asked),
  endLive: (session) => request("DELETE", `/api/live/${session}`),
  removeJob: (id) => request("DELETE", `/api/jobs/${id}`),
};

/** Address of a picture, `size` pixels long at most. */
export const pictureUrl = (id, size = 0) => `/api/pictures/${id}${size ? `?size=${size}` : ""}`;

/** Address of a painting's result, for showing: one for each time that it was painted, so that browsers may keep it. */
export const resultUrl = (job, size = 0) => `/api/jobs/${job.id}/result?format=png&v=${Math.round((job.finished ?? 0) * 1000)}${size ? `&size=${size}` : ""}`;

/** Address of a painting's result, for keeping. */
export const downloadUrl = (id, format) => `/api/jobs/${id}/result?format=${format}&download=1`;

/** Address of a painted clip. */
export const clipUrl = (id, keep = false) => `/api/jobs/${id}/clip${keep ? "?download=1" : ""}`;

/** Address of several paintings in one file. */
export const zipUrl = (ids) => `/api/zip?jobs=${ids.join(",")}`;

/** Address of the picture while it is painted. */
export const previewUrl = (job) => `/api/jobs/${job.id}/preview?v=${job.preview_version}`;
