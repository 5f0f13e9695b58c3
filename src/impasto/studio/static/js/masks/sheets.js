// The masks of one painting as sheets, one for the photograph and one for each painting: read, kept, written.
import { api, pictureUrl } from "../api.js";
import { el } from "../dom.js";
import { remember } from "../state.js";
import { forget, keep, kept } from "./keep.js";
import { Labels } from "./labels.js";
import { read } from "./palette.js";
import { encode, pixels } from "./png.js";

/** Masks are painted at this size at most, pixels of the long side, and written at the picture's. */
export const WORKING = 2048;

/** Id of what has no photograph under it. */
export const DOODLE = "doodle";

/** Read the picture and the mask of a sheet, {picture, mask}; what was not finished last time goes before its mask. */
export async function load(sheet, palette) {
  const { width, height, id } = sheet.picture;
  const scale = Math.min(1, WORKING / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  sheet.pixels = id === DOODLE ? null : await pixels(pictureUrl(id, WORKING), w, h);
  sheet.labels = new Labels(w, h);
  const before = await kept(id);
  if (before?.width === w && before.height === h) {
    const labels = before.colours.map((colour, label) => palette.adopt(colour, before.names[label]));
    sheet.labels.data.set(before.data.map((label) => labels[label]));
    sheet.unfinished = true;
  } else if (sheet.mask) sheet.labels.data.set(read(await pixels(pictureUrl(sheet.mask, WORKING), w, h), palette));
}

/** Read a file, or a picture of the studio, as labels of a sheet's size. Throws for what is no mask. */
export async function readMask(source, { labels }, palette, options) {
  return read(await pixels(source, labels.width, labels.height, options), palette);
}

/** Keep what is painted in the browser, in case that the page goes. */
export async function keepAll(sheets, { colours, names }) {
  for (const { picture, labels } of sheets) {
    if (labels?.painted) await keep(picture.id, { width: labels.width, height: labels.height, data: labels.data, colours, names });
    else await forget(picture.id);
  }
}

export async function forgetAll(sheets) {
  for (const sheet of sheets) {
    sheet.unfinished = false;
    await forget(sheet.picture.id);
  }
}

const fileOf = ({ labels, picture }, palette) => encode(labels.resized(picture.width, picture.height), palette.colours);
const nameOf = ({ picture }) => `${picture.name.replace(/\.[^.]*$/, "") || "picture"}_mask.png`;

/** Hand a mask out as a file. */
export async function download(sheet, palette) {
  const url = URL.createObjectURL(await fileOf(sheet, palette));
  el("a", { href: url, download: nameOf(sheet) }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Bring a mask to the studio; gives its id. */
export async function upload(sheet, palette) {
  return remember(await api.upload(await fileOf(sheet, palette), "mask", nameOf(sheet))).id;
}
