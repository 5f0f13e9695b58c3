// Numbers as people say them.

/** Write seconds. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 1) return "under a second";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Write bytes. */
export function bytes(count) {
  if (count === null || count === undefined) return "";
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  if (count < 1e9) return `${Math.round(count / 1e6)} MB`;
  return `${(count / 1e9).toFixed(1)} GB`;
}

/** Write a size given as [height, width]. */
export function dimensions(size) {
  return size ? `${size[1]} × ${size[0]}` : "";
}

/** Write a number of any magnitude in few digits. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace("+", "");
  return String(Number(value.toPrecision(3)));
}

/** Write a point in time, given in seconds since 1970 or as ISO 8601. */
export function moment(value) {
  if (value === null || value === undefined) return "";
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  if (Number.isNaN(date.getTime())) return "";
  const day = { month: "short", day: "numeric" };
  if (date.getFullYear() !== new Date().getFullYear()) day.year = "numeric";
  return date.toLocaleString(undefined, { ...day, hour: "2-digit", minute: "2-digit" });
}

/** Write a key of the recipe as words. */
export function words(key) {
  const text = key.replaceAll("_", " ").replace("color", "colour");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Write a value of the recipe as it is typed. */
export function setting(value) {
  if (Array.isArray(value)) return value.map(setting).join(", ");
  if (value && typeof value === "object") {
    return Object.entries(value)
      .map(([key, each]) => `${key}=${Array.isArray(each) ? each.join(":") : each}`)
      .join(", ");
  }
  if (value === true) return "yes";
  if (value === false) return "no";
  return String(value);
}

/** Say in two words what became of a painting. */
export const STATES = {
  queued: "waiting",
  running: "painting",
  paused: "paused",
  stopping: "stopping",
  done: "finished",
  stopped: "stopped early",
  cancelled: "cancelled",
  failed: "failed",
  interrupted: "interrupted",
};
/** States of paintings that are not over. */
export const ACTIVE = ["queued", "running", "paused", "stopping"];
