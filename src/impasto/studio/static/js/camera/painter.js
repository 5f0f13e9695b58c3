// Frames to the studio and back: one at a time, always the newest, so that what is seen is never late.
import { ApiError } from "../request.js";

/** Frames over which the frames a second are taken. */
const RATE_OVER = 20;
/** Quality of the frames that are sent. */
const QUALITY = 0.85;

export class Painter {
  /** `video` is what is painted, `canvas` shows it; `changed(rate, dropped)` hears of each frame. */
  constructor(video, canvas, changed) {
    this.video = video;
    this.canvas = canvas;
    this.changed = changed;
    this.grabbed = document.createElement("canvas");
    this.session = null;
  }

  /** Paint until `stop`. `size`: pixels of the long side. Throws what the studio refuses. */
  async run(session, size) {
    this.session = session;
    this.leaving = new AbortController();
    this.times = [];
    this.painted = 0;
    this.first = null;
    this.#count();
    while (this.session === session) {
      if (document.hidden) {
        await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
        continue;
      }
      const frame = await this.#grab(size);
      if (this.session !== session) return;
      const painted = await paint(session, frame, this.leaving.signal);
      if (this.session !== session) return;
      await this.#show(painted);
    }
  }

  stop() {
    this.session = null;
    this.leaving?.abort();
  }

  /** How many frames came and were not painted, since the first one that was. */
  get dropped() {
    return this.first === null ? 0 : Math.max(0, this.presented - this.first + 1 - this.painted);
  }

  #count() {
    this.video.requestVideoFrameCallback?.((_, { presentedFrames }) => {
      this.presented = presentedFrames;
      if (this.session) this.#count();
    });
  }

  #grab(size) {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = size / Math.max(width, height);
    this.grabbed.width = Math.max(1, Math.round(width * scale));
    this.grabbed.height = Math.max(1, Math.round(height * scale));
    this.grabbed.getContext("2d").drawImage(this.video, 0, 0, this.grabbed.width, this.grabbed.height);
    return new Promise((resolve) => this.grabbed.toBlob(resolve, "image/jpeg", QUALITY));
  }

  async #show(blob) {
    const bitmap = await createImageBitmap(blob);
    // A recording ends where the size of its canvas changes, so that is set only where it has to be.
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
    }
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    if (!this.painted) this.first = this.presented ?? null;
    this.painted++;
    this.times.push(performance.now());
    if (this.times.length > RATE_OVER) this.times.shift();
    const span = (this.times.at(-1) - this.times[0]) / 1000;
    this.changed(span > 0 ? (this.times.length - 1) / span : 0, this.dropped);
  }
}

/** What is painted of a frame; null for one that nobody waits for any more. */
async function paint(session, frame, signal) {
  let answer;
  try {
    answer = await fetch(`/api/live/${session}`, { method: "POST", headers: { "Content-Type": "image/jpeg" }, body: frame, signal });
    // Its bytes may still be on their way when nobody waits for them any more.
    if (answer.ok) return await answer.blob();
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw new ApiError(0, "The studio does not answer; it may be restarting.");
  }
  const said = await answer.json().catch(() => null);
  throw new ApiError(answer.status, said?.error ?? `The studio answered ${answer.status}.`);
}
