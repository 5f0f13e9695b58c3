// News of one painting, as they happen. The browser connects again by itself; where it gives up, this does.
import { connection } from "./connection.js";

const AGAIN_MS = 2000;
const EVENTS = ["job", "progress", "preview", "notice", "end"];

/** Watch a painting: `hear(event, data)` for each event. Gives a function that stops watching. */
export function watch(id, hear) {
  let source = null;
  let timer = 0;
  let over = false;
  const connect = () => {
    source = new EventSource(`/api/jobs/${id}/events`);
    for (const event of EVENTS) {
      source.addEventListener(event, (message) => {
        connection.found();
        if (event === "end") stop();
        hear(event, JSON.parse(message.data));
      });
    }
    source.onerror = () => {
      if (over) return;
      connection.lost();
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, AGAIN_MS);
    };
  };
  const stop = () => {
    over = true;
    clearTimeout(timer);
    source?.close();
  };
  connect();
  return stop;
}
