// One stream of events for all pages of a browser, which has six connections to a host and no more: a shared worker.
// Where a browser has none, a page imports this and has the stream to itself.

const AGAIN_MS = 2000;
const EVENTS = ["open", "job", "progress", "preview", "notice", "end"];

/** Open the stream, and open it again wherever it ends: `hear({event, job, data})`, "lost" where it broke. Gives `close`. */
export function open(hear) {
  let source = null;
  let timer = 0;
  const connect = () => {
    source = new EventSource("/api/events");
    for (const event of EVENTS) {
      source.addEventListener(event, (message) => hear({ event, ...JSON.parse(message.data) }));
    }
    source.onerror = () => {
      hear({ event: "lost" });
      // The browser tries again by itself, but not where the answer was a refusal.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, AGAIN_MS);
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

if (typeof SharedWorkerGlobalScope !== "undefined" && globalThis instanceof SharedWorkerGlobalScope) {
  const ports = new Set();
  let close = null;
  globalThis.onconnect = ({ ports: [port] }) => {
    ports.add(port);
    port.onmessage = () => {
      // A page that goes says so; the last one takes the stream along.
      ports.delete(port);
      if (ports.size) return;
      close?.();
      close = null;
    };
    close ??= open((news) => {
      for (const each of ports) each.postMessage(news);
    });
  };
}
