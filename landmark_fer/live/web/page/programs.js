// Shows the OpenAPI description as a page, with nothing from another site.

const description = await (await fetch("/openapi.json")).json();

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text ?? "";
  parent?.append(made);
  return made;
}

function row(body, ...texts) {
  const made = element("tr", "", body);
  texts.forEach((text, column) => element(column ? "td" : "th", text, made));
}

function resolved(schema) {
  return schema?.$ref ? description.components.schemas[schema.$ref.split("/").pop()] : schema;
}

function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(", ")}]`;
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties) return `word to ${typeOf(schema.additionalProperties)}`;
  return schema.format ?? schema.type;
}

function table(headings, parent) {
  const frame = element("div", "", parent);
  frame.className = "scroll";
  frame.tabIndex = 0;
  const made = element("table", "", frame);
  const head = element("tr", "", element("thead", "", made));
  for (const heading of headings) element("th", heading, head);
  return element("tbody", "", made);
}

function showOperation(path, method, operation, parent) {
  const section = element("section", "", parent);
  element("h2", `${method.toUpperCase()} ${path}`, section);
  element("p", operation.description.replaceAll("`", ""), section);
  const body = table(["status", "meaning", "response"], section);
  for (const [status, response] of Object.entries(operation.responses)) {
    const schema = response.content?.["application/json"]?.schema;
    row(body, status, status === "200" ? "Done." : response.description, schema ? typeOf(schema) : "");
  }
}

function showSchema(name, schema, parent) {
  const section = element("section", "", parent);
  element("h2", name, section);
  element("p", schema.description ?? "", section);
  const body = table(["field", "type", "meaning"], section);
  for (const [field, value] of Object.entries(schema.properties ?? {})) {
    row(body, field, typeOf(value), value.description ?? resolved(value)?.description ?? "");
  }
}

document.getElementById("description").textContent = description.info.description;
document.getElementById("example").textContent =
  `curl --data-binary @face.jpg -H "Content-Type: image/jpeg" ${location.origin}/v1/recognize`;
const place = document.getElementById("operations");
for (const [path, operations] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(operations)) showOperation(path, method, operation, place);
}
for (const [name, schema] of Object.entries(description.components.schemas)) showSchema(name, schema, place);
