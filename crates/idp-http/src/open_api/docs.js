// Draws openapi.json. Everything from the document is set as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** An element with attributes and children; strings become text. */
function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const anchorOf = (kind, name) => `${kind}-${name.replace(/[^A-Za-z0-9_-]/g, "_")}`;
const referenced = (schema) => schema.$ref?.replace("#/components/schemas/", "");

/** Text in which `code` stands in backquotes. */
function prose(text) {
  const parts = (text ?? "").split("`");
  return parts.map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

/** What a value may be, in a few words with links to named schemas. */
function typeOf(schema) {
  if (schema === undefined || schema === true) return ["anything"];
  if (schema === false) return ["nothing"];
  const name = referenced(schema);
  if (name) return [element("a", { href: `#${anchorOf("schema", name)}` }, name)];
  if ("const" in schema) return [element("code", {}, JSON.stringify(schema.const))];
  if (schema.enum) return joined(schema.enum.map((one) => [element("code", {}, JSON.stringify(one))]));
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return joined(choices.map(typeOf));
  if (schema.allOf) return joined(schema.allOf.map(typeOf), " and ");
  const types = [schema.type ?? (schema.properties ? "object" : "anything")].flat();
  return joined(types.map((type) => namedType(type, schema)));
}

function namedType(type, schema) {
  if (type === "array") return ["list of ", ...typeOf(schema.items)];
  if (type === "object" && typeof schema.additionalProperties === "object") {
    return ["map to ", ...typeOf(schema.additionalProperties)];
  }
  const format = schema.format && type !== "null" ? ` (${schema.format})` : "";
  return [`${type}${format}`];
}

function joined(lists, separator = " or ") {
  return lists.flatMap((list, index) => (index ? [separator, ...list] : list));
}

/** Bounds and defaults, in words. */
function limitsOf(schema) {
  const words = {
    minimum: "at least", maximum: "at most", exclusiveMinimum: "above", exclusiveMaximum: "below",
    minLength: "length from", maxLength: "length up to", minItems: "items from", maxItems: "items up to",
    pattern: "pattern", default: "default",
  };
  const stated = Object.keys(words).filter((key) => schema?.[key] !== undefined);
  return stated.map((key) => `${words[key]} ${JSON.stringify(schema[key])}`).join(", ");
}

function table(headings, rows) {
  const head = element("tr", {}, ...headings.map((heading) => element("th", { scope: "col" }, heading)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, ...cell))));
  const drawn = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "table" }, drawn);
}

/** The fields of an object as a table, or what the schema is if it has none. */
function fieldsOf(schema) {
  const properties = Object.entries(schema.properties ?? {});
  const variants = schema.oneOf ?? schema.anyOf ?? [];
  const drawn = [];
  if (properties.length) {
    const required = new Set(schema.required ?? []);
    drawn.push(table(["Field", "Type", "Meaning"], properties.map(([name, field]) => [
      [element("code", {}, name), required.has(name) ? element("b", { title: "required" }, " *") : null].filter(Boolean),
      typeOf(field),
      [...prose(field.description), limitsOf(field) ? element("small", {}, ` ${limitsOf(field)}`) : ""],
    ])));
  }
  for (const variant of variants) {
    const title = element("p", {}, "either ", ...typeOf(variant), " ", ...prose(variant.description));
    drawn.push(title, ...(variant.properties ? fieldsOf(variant) : []));
  }
  if (!drawn.length) drawn.push(element("p", {}, ...typeOf(schema), ` ${limitsOf(schema)}`));
  if (schema.additionalProperties === false) drawn.push(element("p", { class: "note" }, "No other fields."));
  return drawn;
}

function contentOf(content) {
  return Object.entries(content ?? {}).flatMap(([media, { schema }]) => {
    const shown = [element("p", {}, element("code", {}, media), ": ", ...typeOf(schema))];
    return schema && !referenced(schema) && schema.properties ? [...shown, ...fieldsOf(schema)] : shown;
  });
}

function operationOf(path, method, operation) {
  const id = anchorOf("operation", operation.operationId);
  const heading = element("h3", {},
    element("span", { class: `method ${method}` }, method.toUpperCase()), " ", element("code", {}, path));
  const drawn = element("article", { id }, heading, element("p", {}, ...prose(operation.summary)));
  if (operation.description) drawn.append(element("p", {}, ...prose(operation.description)));
  if (operation.security) drawn.append(element("p", { class: "note" }, "Needs a bearer token."));
  if (operation.parameters) {
    drawn.append(element("h4", {}, "Parameters"), table(["Name", "In", "Type", "Meaning"],
      operation.parameters.map((parameter) => [
        [element("code", {}, parameter.name), parameter.required ? element("b", { title: "required" }, " *") : ""],
        [parameter.in],
        typeOf(parameter.schema),
        [...prose(parameter.description), element("small", {}, ` ${limitsOf(parameter.schema)}`)],
      ])));
  }
  if (operation.requestBody) {
    drawn.append(element("h4", {}, "Body"), ...contentOf(operation.requestBody.content));
  }
  drawn.append(element("h4", {}, "Answers"), table(["Status", "When", "Content"],
    Object.entries(operation.responses).map(([status, response]) => [
      [element("span", { class: `status s${status[0]}` }, status)],
      [...prose(response.description), ...Object.keys(response.headers ?? {}).map((name) =>
        element("p", { class: "note" }, "Header ", element("code", {}, name)))],
      contentOf(response.content),
    ])));
  return drawn;
}

function schemaOf(name, schema) {
  const drawn = element("article", { id: anchorOf("schema", name) }, element("h3", {}, name));
  if (schema.description) drawn.append(element("p", {}, ...prose(schema.description)));
  drawn.append(...fieldsOf(schema));
  return drawn;
}

/** All operations as [tag, path, method, operation], in the order of the document. */
function operationsOf(api) {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) =>
      [item[method].tags?.[0] ?? "Operations", path, method, item[method]]));
}

function draw(api) {
  const byId = (id) => document.getElementById(id);
  document.title = api.info.title;
  byId("title").textContent = `${api.info.title} ${api.info.version}`;
  byId("description").append(...prose(api.info.description));
  const operations = operationsOf(api);
  for (const tag of new Set(operations.map(([tag]) => tag))) {
    const group = element("section", { "aria-label": tag }, element("h2", {}, tag));
    const links = element("ul", {});
    for (const [, path, method, operation] of operations.filter(([of]) => of === tag)) {
      group.append(operationOf(path, method, operation));
      links.append(element("li", {}, element("a",
        { href: `#${anchorOf("operation", operation.operationId)}` },
        element("span", { class: `method ${method}` }, method.toUpperCase()), " ", operation.summary)));
    }
    byId("operations").append(group);
    byId("contents").append(element("h2", {}, tag), links);
  }
  const schemas = Object.entries(api.components?.schemas ?? {});
  byId("schemas").append(element("h2", {}, "Schemas"),
    ...schemas.map(([name, schema]) => schemaOf(name, schema)));
  byId("filter").addEventListener("input", (event) => filter(event.target.value));
  if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
}

/** Shows the operations that contain every word. */
function filter(text) {
  const words = text.toLowerCase().split(/\s+/);
  for (const article of document.querySelectorAll("#operations article")) {
    const content = article.textContent.toLowerCase();
    article.hidden = !words.every((word) => content.includes(word));
  }
  for (const link of document.querySelectorAll("#contents li")) {
    const target = link.querySelector("a").getAttribute("href").slice(1);
    link.hidden = document.getElementById(target).hidden;
  }
}

async function load() {
  try {
    const response = await fetch("openapi.json");
    if (!response.ok) throw new Error(`status ${response.status}`);
    draw(await response.json());
  } catch (error) {
    const message = `openapi.json cannot be shown: ${error.message}`;
    document.getElementById("operations").append(element("p", { class: "failure", role: "alert" }, message));
  }
}

load();
