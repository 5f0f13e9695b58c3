// What is painted, as a film to keep: recorded in the browser, and handed out as a file.
import { el } from "../dom.js";

const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

/** Whether this browser records. */
export const records = () => typeof MediaRecorder !== "undefined" && KINDS.some((kind) => MediaRecorder.isTypeSupported(kind));

/** Record a canvas from now on. Gives a function that ends it, and hands out the file. */
export function record(canvas) {
  const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType, videoBitsPerSecond: 6_000_000 });
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => event.data.size && parts.push(event.data));
  recorder.start(500);
  return () =>
    new Promise((resolve) => {
      recorder.addEventListener("stop", () => {
        const url = URL.createObjectURL(new Blob(parts, { type: mimeType }));
        el("a", { href: url, download: `live.${mimeType.includes("mp4") ? "mp4" : "webm"}` }).click();
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
        resolve();
      });
      recorder.stop();
    });
}
