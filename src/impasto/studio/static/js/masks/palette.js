// Colours of regions: flat, well apart, and words to the command line too.

/**
 * The colours that automatic masks have, well apart. Label 0 is what nobody painted: black in the file, and a region of
 * its own.
 */
const START = [
  ["unpainted", [0, 0, 0]],
  ["red", [255, 0, 0]],
  ["blue", [0, 0, 255]],
  ["yellow", [255, 255, 0]],
  ["green", [0, 255, 0]],
  ["magenta", [255, 0, 255]],
  ["cyan", [0, 255, 255]],
  ["white", [255, 255, 255]],
  ["orange", [255, 128, 0]],
  ["purple", [128, 0, 255]],
  ["teal", [0, 128, 128]],
  ["pink", [255, 128, 255]],
];
/** Colours nearer than this (of 255, in a straight line) are the same one. */
export const SAME = 50;
const MOST = 24;
/** Part of a picture that a colour fills at least to be one of its own. */
const LEAST = 2e-3;
/** How far noise of compression takes a flat colour at most, of 255; and the part of a mask that is flat at least. */
const NOISE = 24;
const FLAT = 0.85;

const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

export const hex = (colour) => `#${colour.map((level) => level.toString(16).padStart(2, "0")).join("")}`;

export class Palette {
  /** `given`: names by colours, as in {"#804080": "road"}. */
  constructor(given = null) {
    this.colours = START.map(([, colour]) => [...colour]);
    this.names = START.map(([name]) => name);
    for (const [code, name] of Object.entries(Array.isArray(given) ? {} : (given ?? {}))) {
      const colour = [1, 3, 5].map((at) => Number.parseInt(code.slice(at, at + 2), 16));
      if (colour.every(Number.isFinite)) this.names[this.adopt(colour)] = name;
    }
  }

  /** What a region is called where nobody named it. */
  plain(label) {
    return START[label]?.[0] ?? hex(this.colours[label]);
  }

  /** The names that somebody gave to colours of some masks, by colour; null where there are none. */
  named(masks) {
    const used = new Set(masks.flatMap((labels) => [...new Set(labels.data)]));
    const given = this.names.flatMap((name, label) => (label && used.has(label) && name !== this.plain(label) ? [[hex(this.colours[label]), name]] : []));
    return given.length ? Object.fromEntries(given) : null;
  }

  /** Label of the nearest colour. */
  nearest(colour) {
    let best = 0;
    for (let label = 1; label < this.colours.length; label++) {
      if (apart(this.colours[label], colour) < apart(this.colours[best], colour)) best = label;
    }
    return best;
  }

  /** Label of a colour; a new one where none is like it. `name`: what it was called elsewhere. */
  adopt(colour, name = null) {
    let label = this.nearest(colour);
    if (apart(this.colours[label], colour) >= SAME && this.colours.length < MOST) {
      label = this.colours.push([...colour]) - 1;
      this.names.push(hex(colour));
    }
    if (name && this.names[label] === this.plain(label)) this.names[label] = name;
    return label;
  }
}

/**
 * Turn the pixels (RGBA) of a mask, of any program and any file format, into labels: the colours that fill much of it are
 * its regions, every other pixel goes to the nearest of them. Throws an `Error` for what is no mask.
 */
export function read(pixels, palette) {
  const count = pixels.length / 4;
  const bins = new Map();
  for (let at = 0; at < pixels.length; at += 4) {
    const clear = pixels[at + 3] < 128;
    const key = clear ? 0 : (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
    bins.set(key, (bins.get(key) ?? 0) + 1);
  }
  // Noise of compression spreads a colour over its neighbours: they count for the most frequent of them.
  const colours = [];
  const rows = [...bins].sort((a, b) => b[1] - a[1]).slice(0, 4096);
  for (const [key, pixelsOfKey] of rows) {
    const colour = [key >> 16, (key >> 8) & 255, key & 255];
    const near = colours.find((each) => apart(each.colour, colour) < SAME);
    if (near) near.count += pixelsOfKey;
    else if (colours.length < 256) colours.push({ colour, count: pixelsOfKey });
  }
  const kept = colours.filter((each) => each.count >= LEAST * count);
  // A photograph has its colours in all shades, a mask a few of them flat.
  const flat = rows.reduce((sum, [key, amount]) => {
    const colour = [key >> 16, (key >> 8) & 255, key & 255];
    return kept.some((each) => apart(each.colour, colour) <= NOISE) ? sum + amount : sum;
  }, 0);
  if (!kept.length || kept.length > MOST || flat < FLAT * count) {
    throw new Error("That is a photograph rather than a mask; choose one with a flat colour for each region.");
  }
  const own = kept.map((each) => ({ colour: each.colour, label: palette.adopt(each.colour) }));
  const labels = new Uint8Array(count);
  const seen = new Map();
  for (let index = 0; index < count; index++) {
    const at = index * 4;
    const clear = pixels[at + 3] < 128;
    const key = clear ? 0 : (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
    let label = seen.get(key);
    if (label === undefined) {
      const colour = [key >> 16, (key >> 8) & 255, key & 255];
      label = own.reduce((best, candidate) => (apart(candidate.colour, colour) < apart(best.colour, colour) ? candidate : best)).label;
      seen.set(key, label);
    }
    labels[index] = label;
  }
  return labels;
}
