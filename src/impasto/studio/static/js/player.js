// Clips on the page: what is brought in that moves, and what is painted of it.
import { clipUrl } from "./api.js";
import { el } from "./dom.js";
import { duration } from "./format.js";

const FILMS = /\.(mp4|m4v|mov|webm|mkv|avi)$/i;
/** What may move, or may not: the studio looks. */
const PERHAPS = ["image/gif", "image/apng"];

/** Whether a file is a film by its own account. */
export const isFilm = (file) => file.type.startsWith("video/") || FILMS.test(file.name);

/** Whether a file is worth a try as a clip. */
export const mayMove = (file) => isFilm(file) || PERHAPS.includes(file.type);

/** Whether a picture of the library is a clip. */
export const isClip = (picture) => picture?.role === "clip";

/** How long a clip is, in words. */
export const length = ({ frames, seconds }) => `${frames} frames, ${seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds)}`;

/** A painted clip to play, again and again. */
export function player(job) {
  return el("video", { class: "player", src: clipUrl(job.id), controls: true, loop: true, muted: true, autoplay: true, playsInline: true, "aria-label": `${job.title}, a clip` });
}
