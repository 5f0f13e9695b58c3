// Draws the description of the API for people, from what the studio says of itself.
import { el, fill } from "../js/dom.js";
import { send } from "../js/request.js";

const main = document.getElementById("docs");

async function draw() {
  const description = await send("GET", "/api/openapi.json");
  const { schemas } = description.components;
  const parts = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags?.[0] ?? "Others";
      parts.set(tag, [...(parts.get(tag) ?? []), request(method.toUpperCase(), path, operation, schemas)]);
    }
  }
  fill(main, intro(), [...parts].map(([tag, requests]) => [el("h2", { text: tag }), ...requests]).flat());
}

function intro() {
  return el(
    "p",
    {},
    "A refusal is a status that fits and ",
    el("code", { text: '{"error": "one line"}' }),
    ". Where the studio has a token, send it as ",
    el("code", { text: "Authorization: Bearer TOKEN" }),
    ".",
  );
}

function request(method, path, operation, schemas) {
  const body = operation.requestBody?.content ?? {};
  const json = body["application/json"]?.schema;
  const [done, ...refused] = Object.entries(operation.responses);
  const answer = done[1].content?.["application/json"]?.schema;
  return el(
    "details",
    {},
    el("summary", {}, el("span", { class: "method", text: method }), el("code", { class: "path", text: path }), el("span", { class: "what", text: operation.summary })),
    el(
      "section",
      {},
      list("Parameters", (operation.parameters ?? []).map((each) => [each.name, `${kind(each.schema)}, in the ${each.in}${each.required ? "" : ", optional"}`, each.description ?? each.schema.description])),
      json ? fields("It takes JSON", json, schemas) : Object.keys(body).length > 0 && el("p", { text: "It takes the bytes of a file." }),
      answer ? fields(`It answers ${done[0]} with JSON`, answer, schemas) : el("p", { text: `It answers ${done[0]}${Object.keys(done[1].content ?? {}).map((type) => ` with ${type}`).join("")}.` }),
      list("It refuses", refused.map(([status, { description }]) => [status, description, ""])),
      el("h3", { text: "With curl" }),
      el("pre", { tabindex: "0", text: curl(method, path, json, body) }),
    ),
  );
}

function list(title, rows) {
  if (!rows.length) return null;
  return [el("h3", { text: title }), el("dl", {}, rows.map(([name, what, more]) => [el("dt", { text: name }), el("dd", {}, what, more && ` · ${more}`)]).flat())];
}

/** The keys of an object, or of the objects of a list. */
function fields(title, schema, schemas) {
  const { of, many } = resolve(schema, schemas);
  if (!of.properties) return el("p", { text: `${title}.` });
  const needed = of.required ?? [];
  const rows = Object.entries(of.properties).map(([name, each]) => [name, kind(each) + (needed.includes(name) ? "" : ", optional"), each.description]);
  return list(`${title}${many ? ": a list of objects" : ""}`, rows);
}

function resolve(schema, schemas) {
  if (schema.$ref) return resolve(schemas[schema.$ref.split("/").at(-1)], schemas);
  if (schema.type === "array" && schema.items) return { ...resolve(schema.items, schemas), many: true };
  return { of: schema, many: false };
}

/** What a value is, in a word or two. */
function kind(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map((each) => kind(each)).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${schema.items ? kind(schema.items) : "anything"}`;
  return { string: "text", integer: "whole number", boolean: "true or false", object: "object" }[schema.type] ?? schema.type ?? "anything";
}

function curl(method, path, json, body) {
  const address = `${location.origin}${path}`;
  const verb = method === "GET" ? "" : ` -X ${method}`;
  if (json) return `curl${verb} ${address} -H "Content-Type: application/json" -d '{}'`;
  if (Object.keys(body).length) return `curl${verb} ${address} -H "Content-Type: application/octet-stream" --data-binary @FILE`;
  return `curl${verb} ${address}`;
}

draw().catch((error) => fill(main, el("p", { class: "error-line", role: "alert", text: error.message })));
