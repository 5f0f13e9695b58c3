// Colour masks as PNG files with a palette. Written here and not by a canvas, of which some browsers change the pixels to
// hide who they are, and which others limit in size: a mask's colours must be the very ones that were chosen.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc(data) {
  let value = 0xffffffff;
  for (const byte of data) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function chunk(kind, data) {
  const made = new Uint8Array(data.length + 12);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  made.set([...kind].map((letter) => letter.charCodeAt(0)), 4);
  made.set(data, 8);
  view.setUint32(data.length + 8, crc(made.subarray(4, data.length + 8)));
  return made;
}

async function deflate(data) {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Write labels, with a colour [r, g, b] for each, as a PNG. Gives a Blob. */
export async function encode(labels, colours) {
  const { width, height, data } = labels;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8); // eight bits, a palette
  const rows = new Uint8Array((width + 1) * height); // each row begins with 0: as it is
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("PLTE", Uint8Array.from(colours.flat())),
    chunk("IDAT", await deflate(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob(parts, { type: "image/png" });
}

/** How far the shape of a mask may be from that of its picture: one, over the other. */
const SHAPE = 1.1;

/**
 * Decode a picture file or address to RGBA pixels of a size, without touching its colours. `shaped`: one of another
 * shape is refused.
 */
export async function pixels(source, width, height, { shaped = false } = {}) {
  let blob = source;
  if (typeof source === "string") {
    const response = await fetch(source);
    if (!response.ok) throw new Error("The picture is no longer there; upload it again.");
    blob = await response.blob();
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`${blob.name ?? "The file"}: is not a picture that a browser reads; save it as PNG.`);
  }
  const shape = (bitmap.width * height) / (bitmap.height * width);
  if (shaped && Math.max(shape, 1 / shape) > SHAPE) {
    throw new Error(`${blob.name ?? "The file"}: is ${bitmap.width} × ${bitmap.height}, another shape than the picture; a mask has the shape of its picture.`);
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // No smoothing: between two colours of a mask there is no third.
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}
