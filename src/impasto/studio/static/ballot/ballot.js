// Shows pair after pair and sends each choice; the next pair is loaded while this one is looked at.
import { drawn, el, fill } from "../js/dom.js";
import { send } from "../js/request.js";

const $ = (id) => document.getElementById(id);
const images = { left: $("left"), right: $("right"), content: $("content"), style: $("style") };
let state = null;
let since = 0;
let busy = true;

const address = (number, side) => `/api/ballot/${number}/${side}`;

async function ask(path, json) {
  try {
    return await send(json ? "POST" : "GET", path, { json, who: "impasto compare" });
  } catch (error) {
    if (error.status) throw error;
    throw new Error("impasto compare does not answer; every vote so far is kept. Start it again to go on.");
  }
}

/** Load a picture wholly, so that no side is seen before the other. */
async function load(image, number, side) {
  image.src = address(number, side);
  await image.decode().catch(() => {
    throw new Error(`A picture of pair ${number + 1} cannot be shown; press 0 to go on.`);
  });
}

async function show(ballot) {
  state = ballot;
  $("title").textContent = ballot.title;
  $("progress").value = ballot.total ? ballot.number / ballot.total : 1;
  $("count").textContent = ballot.over ? `all ${ballot.total} pairs` : `pair ${ballot.number + 1} of ${ballot.total}`;
  $("undo").disabled = ballot.number === 0;
  $("pair").hidden = ballot.over;
  $("over").hidden = !ballot.over;
  for (const button of document.querySelectorAll("[data-choice]")) button.hidden = ballot.over;
  $("finish").textContent = ballot.over ? "Close" : "Enough for now";
  if (ballot.over) {
    fill($("over"), el("h2", { text: "All pairs are judged" }), table(ballot.summary));
    return;
  }
  $("pair").classList.add("waiting");
  $("beside").hidden = !ballot.beside.length;
  for (const side of ["content", "style"]) images[side].parentElement.hidden = !ballot.beside.includes(side);
  const sides = ["left", "right", ...ballot.beside];
  try {
    await Promise.all(sides.map((side) => load(images[side], ballot.number, side)));
  } finally {
    $("pair").classList.remove("waiting");
    since = performance.now();
  }
  if (ballot.number + 1 < ballot.total) for (const side of sides) new Image().src = address(ballot.number + 1, side);
}

async function act(path, body) {
  if (busy) return;
  busy = true;
  try {
    const ballot = await ask(path, body);
    complain("");
    await show(ballot);
  } catch (error) {
    complain(error.message);
    // Another page was quicker: go on with what waits now.
    if (error.status === 409) await show(await ask("/api/ballot")).catch((more) => complain(more.message));
  } finally {
    busy = false;
    document.documentElement.dataset.number = state?.over ? "over" : String(state?.number);
  }
}

const complain = (text) => {
  $("error").textContent = text;
  $("error").hidden = !text;
};

const choose = (choice) => {
  if (state && !state.over) {
    act("/api/ballot/vote", { number: state.number, choice, seconds: (performance.now() - since) / 1000 });
  }
};

async function finish() {
  try {
    await ask("/api/ballot/finish", {});
    fill(document.querySelector("footer"), el("p", { class: "hint", text: "Done; this page can be closed." }));
  } catch (error) {
    complain(error.message);
  }
}

/** The scores as a table, each with its interval drawn on one axis. */
function table(rows) {
  if (!rows.length) return el("p", { text: "Nothing was compared." });
  const numbers = rows.flatMap((row) => [row.low, row.high]).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
  const keys = Object.keys(rows[0]);
  const body = rows.map((row) => {
    const cells = keys.map((key) => el("td", { text: String(row[key]) }));
    return el("tr", {}, cells, el("td", {}, Number.isFinite(row.low) ? interval(row, low, high) : ""));
  });
  return el("table", {}, el("thead", {}, el("tr", {}, keys.map((key) => el("th", { text: key })), el("th"))), el("tbody", {}, body));
}

function interval(row, low, high) {
  const at = (value) => 6 + ((value - low) / (high - low || 1)) * 188;
  return drawn(
    "svg",
    { width: 200, height: 20, role: "img", "aria-label": `${row.low} to ${row.high}` },
    drawn("line", { x1: at(0), x2: at(0), y1: 0, y2: 20, class: "zero" }),
    drawn("line", { x1: at(row.low), x2: at(row.high), y1: 10, y2: 10 }),
    drawn("circle", { cx: at(row.score), cy: 10, r: 4 }),
  );
}

const KEYS = { 1: "left", 2: "right", 0: "tie", ArrowLeft: "left", ArrowRight: "right" };
addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in KEYS) choose(KEYS[event.key]);
  else if (event.key === "Backspace") act("/api/ballot/undo", {});
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll("[data-choice]")) {
  button.addEventListener("click", () => choose(button.dataset.choice));
}
$("undo").addEventListener("click", () => act("/api/ballot/undo", {}));
$("finish").addEventListener("click", finish);
busy = false;
act("/api/ballot");
