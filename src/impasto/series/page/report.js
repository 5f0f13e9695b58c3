"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const labels = data.methods.map((method) => method.label);
const GROUPS = { cost: "cost", content: "content kept", style: "style reached", faults: "faults" };
const names = { content: data.contents.map((item) => item.name), style: data.styles.map((item) => item.name), method: labels };
const short = (id) => ({ seconds: "seconds", peak_bytes: "memory" })[id] ?? id.replace(/\/\d+$/, "").replaceAll("_", " ");

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "click") node.addEventListener("click", value);
    else node.setAttribute(key === "cls" ? "class" : key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function number(value, id) {
  if (value === null || value === undefined) return "–";
  if (id === "peak_bytes") {
    const mebi = value / 2 ** 20;
    return Math.abs(mebi) >= 1024 ? `${(mebi / 1024).toFixed(2)} GiB` : `${mebi.toFixed(0)} MiB`;
  }
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1000 ? value.toFixed(0) : size >= 0.001 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
}

const better = (metric, one, other) => (metric.direction === "higher" ? one > other : one < other);

// The table of methods.
let sorted = { id: "", down: false };
const against = $("against");
against.append(el("option", { value: "", text: "medians" }));
for (const label of labels) against.append(el("option", { value: label, text: `differences from ${label}` }));
const group = $("group");
group.append(el("option", { value: "", text: "all" }));
for (const name of new Set(data.metrics.map((metric) => metric.group))) {
  group.append(el("option", { value: name, text: GROUPS[name] ?? name }));
}

function cellOf(label, id) {
  const reference = against.value;
  if (!reference) return data.medians[label][id];
  return label === reference ? null : data.differences[reference][label]?.[id] ?? null;
}

function drawTable() {
  const metrics = data.metrics.filter((metric) => !group.value || metric.group === group.value);
  const rows = [...labels];
  if (sorted.id) {
    const worst = sorted.down ? -Infinity : Infinity;
    rows.sort((a, b) => ((cellOf(a, sorted.id)?.median ?? worst) - (cellOf(b, sorted.id)?.median ?? worst)) * (sorted.down ? -1 : 1));
  }
  const head = el("tr", {}, el("th", { text: "method", scope: "col" }));
  const groups = el("tr", { cls: "groups" }, el("th"));
  let last = null;
  for (const metric of metrics) {
    if (metric.group !== last?.group) {
      last = { group: metric.group, node: el("th", { text: GROUPS[metric.group] ?? metric.group, colspan: 0 }), count: 0 };
      groups.append(last.node);
    }
    last.node.colSpan = ++last.count;
    const arrow = metric.direction === "higher" ? "↑" : "↓";
    const own = sorted.id === metric.id;
    head.append(
      el(
        "th",
        { scope: "col", "aria-sort": own ? (sorted.down ? "descending" : "ascending") : "none" },
        el("button", {
          type: "button",
          title: `${metric.summary}; ${metric.direction} is better (${metric.id})`,
          text: `${short(metric.id)} ${arrow}`,
          click: () => {
            // The better end first.
            sorted = { id: metric.id, down: own ? !sorted.down : metric.direction === "higher" };
            drawTable();
          },
        }),
      ),
    );
  }
  const best = {};
  if (!against.value) {
    for (const metric of metrics) {
      for (const label of labels) {
        const statistic = data.medians[label][metric.id];
        if (statistic && (best[metric.id] === undefined || better(metric, statistic.median, best[metric.id]))) best[metric.id] = statistic.median;
      }
    }
  }
  const body = rows.map((label) => {
    const method = data.methods.find((each) => each.label === label);
    const painted = data.pictures.filter((picture) => picture.method === label).length;
    const pairs = names.content.length * names.style.length;
    // Medians over other pairs are not those of the same task: differences are.
    const few = painted < pairs ? el("small", { text: `${painted} of ${pairs} pairs` }) : null;
    const line = el("tr", {}, el("th", { scope: "row", title: method.note }, label, few));
    for (const metric of metrics) {
      const statistic = cellOf(label, metric.id);
      const cell = el("td", { text: statistic ? (against.value && statistic.median > 0 ? "+" : "") + number(statistic.median, metric.id) : "–" });
      if (statistic) {
        const ends = statistic.low === null ? "" : `${number(statistic.low, metric.id)} … ${number(statistic.high, metric.id)}`;
        const share = statistic.better === undefined ? "" : `, better in ${Math.round(100 * statistic.better)} %`;
        cell.append(el("small", { text: ends + share }));
        cell.title = `${statistic.count} pairs`;
        if (statistic.median === best[metric.id]) cell.className = "best";
        if (against.value && statistic.low !== null && (statistic.low > 0 || statistic.high < 0)) {
          cell.className = better(metric, statistic.median, 0) ? "good" : "bad";
        }
      }
      line.append(cell);
    }
    return line;
  });
  $("table").replaceChildren(el("thead", {}, groups, head), el("tbody", {}, body));
  const drawn = "Small: the 95 % interval of the median when the styles are drawn again (1000 bootstrap samples).";
  $("table-note").textContent = against.value
    ? `Median of (method − ${against.value}) over the pairs that both painted. ${drawn} Shaded where it leaves out 0: green better, red worse.`
    : `Median over all pairs. ${drawn} ↑ higher is better, ↓ lower is better; the best median of each column is coloured. Click a heading to sort.`;
}

// One metric against another.
for (const id of ["across", "up"]) {
  for (const metric of data.metrics) $(id).append(el("option", { value: metric.id, text: short(metric.id) }));
}
const first = (name, other) => (data.metrics.find((metric) => metric.group === name) ?? data.metrics[other] ?? data.metrics[0])?.id;
if (data.metrics.length) {
  $("across").value = first("content", 0);
  $("up").value = first("style", 1);
}

function svg(tag, props, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function ticks(low, high) {
  const step = 10 ** Math.floor(Math.log10((high - low) / 4 || 1));
  const size = [1, 2, 5, 10].map((times) => times * step).find((each) => (high - low) / each <= 6) ?? step;
  const positions = [];
  for (let at = Math.ceil(low / size) * size; at <= high + 1e-12; at += size) positions.push(Number(at.toPrecision(10)));
  return positions;
}

function drawPlot() {
  const ids = [$("across").value, $("up").value];
  const points = labels
    .map((label) => ({ label, at: ids.map((id) => data.medians[label][id]) }))
    .filter((point) => point.at.every(Boolean));
  if (!points.length) {
    $("plot").replaceChildren(el("p", { cls: "hint", text: "No method has a value of both." }));
    return;
  }
  const [wide, high, left, bottom] = [860, 480, 80, 56];
  const ends = [0, 1].map((axis) => {
    const values = points.flatMap((point) => [point.at[axis].low ?? point.at[axis].median, point.at[axis].high ?? point.at[axis].median]);
    const [low, top] = [Math.min(...values), Math.max(...values)];
    const margin = (top - low || Math.abs(top) || 1) * 0.08;
    return [low - margin, top + margin];
  });
  const x = (value) => left + ((value - ends[0][0]) / (ends[0][1] - ends[0][0])) * (wide - left - 110);
  const y = (value) => high - bottom - ((value - ends[1][0]) / (ends[1][1] - ends[1][0])) * (high - bottom - 20);
  const root = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `${short(ids[1])} against ${short(ids[0])}` });
  for (const at of ticks(...ends[0])) {
    root.append(svg("line", { x1: x(at), x2: x(at), y1: 20, y2: high - bottom, class: "grid" }));
    root.append(svg("text", { x: x(at), y: high - bottom + 18, "text-anchor": "middle", class: "axis" }, number(at, ids[0])));
  }
  for (const at of ticks(...ends[1])) {
    root.append(svg("line", { x1: left, x2: wide - 110, y1: y(at), y2: y(at), class: "grid" }));
    root.append(svg("text", { x: left - 8, y: y(at) + 4, "text-anchor": "end", class: "axis" }, number(at, ids[1])));
  }
  const title = (id) => {
    const metric = data.metrics.find((each) => each.id === id);
    return `${short(id)} (${metric.direction} is better)`;
  };
  root.append(svg("text", { x: (left + wide - 110) / 2, y: high - 14, "text-anchor": "middle" }, title(ids[0])));
  root.append(svg("text", { x: 16, y: high / 2, "text-anchor": "middle", transform: `rotate(-90 16 ${high / 2})` }, title(ids[1])));
  for (const { at: [one, other] } of points) {
    if (one.low !== null) root.append(svg("line", { x1: x(one.low), x2: x(one.high), y1: y(other.median), y2: y(other.median) }));
    if (other.low !== null) root.append(svg("line", { x1: x(one.median), x2: x(one.median), y1: y(other.low), y2: y(other.high) }));
  }
  const taken = [];
  for (const { label, at: [one, other] } of [...points].sort((a, b) => y(a.at[1].median) - y(b.at[1].median))) {
    const place = { x: x(one.median) + 7, y: y(other.median) - 6 };
    while (taken.some((each) => Math.abs(each.y - place.y) < 13 && Math.abs(each.x - place.x) < 90)) place.y += 13;
    taken.push(place);
    root.append(svg("circle", { cx: x(one.median), cy: y(other.median), r: 4.5 }));
    root.append(svg("text", { x: place.x, y: place.y }, label));
  }
  $("plot").replaceChildren(root);
}

// The sheets of pictures.
const paintedPictures = new Map(data.pictures.map((picture) => [[picture.method, picture.content, picture.style].join("\n"), picture]));
const pictureOf = (place) => paintedPictures.get([place.method, place.content, place.style].join("\n"));

function fillWhich() {
  $("which").replaceChildren(...names[$("by").value].map((name) => el("option", { value: name, text: name })));
  drawSheet();
}

function thumb(key, alt) {
  const source = data.thumbnails[key];
  return source ? el("img", { src: source, alt, loading: "lazy" }) : null;
}

function drawSheet() {
  const by = $("by").value;
  const [rows, columns] = { style: ["content", "method"], content: ["style", "method"], method: ["content", "style"] }[by];
  const fixed = { [by]: $("which").value };
  const header = (part, name) => el("th", { scope: part === columns ? "col" : "row" }, part === "method" ? name : [thumb(`${part}:${name}`, ""), name]);
  const corner = el("th", {}, by === "method" ? null : [thumb(`${by}:${fixed[by]}`, fixed[by])]);
  const head = el("tr", {}, corner, names[columns].map((name) => header(columns, name)));
  const body = names[rows].map((row) =>
    el(
      "tr",
      {},
      header(rows, row),
      names[columns].map((column) => {
        const place = { ...fixed, [rows]: row, [columns]: column };
        const picture = pictureOf(place);
        const image = picture && thumb(picture.file, `${place.method}: ${place.content} in ${place.style}`);
        if (!image) return el("td", {}, el("div", { cls: "none", text: picture ? picture.note || picture.state : "no picture" }));
        return el("td", {}, el("button", { type: "button", click: () => show(place) }, image));
      }),
    ),
  );
  $("sheet").replaceChildren(el("thead", {}, head), el("tbody", {}, body));
}

// One picture, as large as it is.
let shown = null;
function show(place) {
  const picture = pictureOf(place);
  if (!picture) return;
  shown = place;
  $("view-title").textContent = `${place.method} · ${place.content} in ${place.style}`;
  const image = $("view-picture");
  // The file itself where the report still lies beside it, else the small picture in the report.
  image.onerror = () => {
    image.onerror = null;
    image.src = data.thumbnails[picture.file] ?? "";
    $("view-note").textContent = `${picture.file} is not beside this report; this is its thumbnail`;
  };
  image.alt = $("view-title").textContent;
  image.src = picture.file.split("/").map(encodeURIComponent).join("/");
  $("view-note").textContent = `${picture.width} × ${picture.height} px`;
  $("view-content").src = data.thumbnails[`content:${place.content}`] ?? "";
  $("view-style").src = data.thumbnails[`style:${place.style}`] ?? "";
  $("view-values").replaceChildren(
    ...data.metrics.map((metric) =>
      el("tr", { title: picture.reasons[metric.id] }, el("td", { text: short(metric.id) }), el("td", { text: number(picture.values[metric.id], metric.id) })),
    ),
  );
  if (!$("view").open) $("view").showModal();
}

function step(by) {
  for (let at = labels.indexOf(shown.method) + by; at >= 0 && at < labels.length; at += by) {
    const place = { ...shown, method: labels[at] };
    if (pictureOf(place) && data.thumbnails[pictureOf(place).file]) return show(place);
  }
}

$("before").addEventListener("click", () => step(-1));
$("after").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("view").close());
addEventListener("keydown", (event) => {
  if ($("view").open && event.key === "ArrowLeft") step(-1);
  if ($("view").open && event.key === "ArrowRight") step(1);
});
$("zoom").addEventListener("input", () => document.documentElement.style.setProperty("--cell", `${$("zoom").value}px`));
document.documentElement.style.setProperty("--cell", `${$("zoom").value}px`);

// Facts, and what went wrong.
const done = data.pictures.filter((picture) => picture.state === "done" || picture.state === "external").length;
const judges = data.measured_with;
const words = [
  `${names.content.length} photographs × ${names.style.length} styles × ${labels.length} methods: ${done} of ${data.pictures.length} pictures.`,
  ...Object.values(data.about),
  `Measured with ${judges.first.name} and, for styles, ${judges.second.name} at ${judges.second.layers.join(", ")}.`,
  `Painted on ${data.machine.processor}, ${data.machine.threads} thread${data.machine.threads === 1 ? "" : "s"}, impasto ${data.impasto}, torch ${data.machine.torch}.`,
];
$("facts").textContent = words.join(" ");
const more = $("more");
const list = (title, lines) => lines.length && more.append(el("h2", { text: title }), el("ul", {}, lines.map((text) => el("li", { text }))));
list("What could not be used", data.problems.map((problem) => `${problem.file}: ${problem.note}`));
list("Failed", data.pictures.filter((picture) => picture.state === "failed").map((picture) => `${picture.file}: ${picture.note}`));
list("Left out", data.left_out.map((problem) => `${problem.file}: ${problem.note}`));
list("Metrics", data.metrics.map((metric) => `${metric.id}: ${metric.summary}; ${metric.direction} is better`));
list("Credits", [...data.contents, ...data.styles].filter((item) => item.credit).map((item) => `${item.file}: ${item.credit}`));
more.append(el("h2", { text: "Settings" }));
for (const method of data.methods.filter((each) => each.recipe)) {
  more.append(el("details", {}, el("summary", { text: method.label + (method.note ? ` (${method.note})` : "") }), el("pre", { text: JSON.stringify(method.recipe, null, 1) })));
}
against.addEventListener("change", drawTable);
group.addEventListener("change", drawTable);
for (const id of ["across", "up"]) $(id).addEventListener("change", drawPlot);
$("by").addEventListener("change", fillWhich);
$("which").addEventListener("change", drawSheet);
drawTable();
drawPlot();
fillWhich();
document.documentElement.dataset.ready = "yes";
