// The page of the HTTP API, generated from the OpenAPI description without resources of another site.

const description = await (await fetch("/openapi.json")).json();

function addElement(tag, text, parent) {
  const element = document.createElement(tag);
  element.textContent = text ?? "";
  parent.append(element);
  return element;
}

function addRow(body, ...texts) {
  const row = addElement("tr", "", body);
  texts.forEach((text, column) => addElement(column ? "td" : "th", text, row));
}

function resolve(schema) {
  return schema?.$ref ? description.components.schemas[schema.$ref.split("/").pop()] : schema;
}

function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(", ")}]`;
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties) return `object of ${typeOf(schema.additionalProperties)}`;
  return schema.format ?? schema.type;
}

function addTable(headings, parent) {
  const scroll = addElement("div", "", parent);
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  const table = addElement("table", "", scroll);
  const head = addElement("tr", "", addElement("thead", "", table));
  for (const heading of headings) addElement("th", heading, head);
  return addElement("tbody", "", table);
}

function showOperation(path, method, operation, parent) {
  const section = addElement("section", "", parent);
  addElement("h2", `${method.toUpperCase()} ${path}`, section);
  addElement("p", operation.description.replaceAll("`", ""), section);
  const body = addTable(["status", "meaning", "response"], section);
  for (const [status, response] of Object.entries(operation.responses)) {
    const schema = response.content?.["application/json"]?.schema;
    addRow(body, status, status === "200" ? "Success." : response.description, schema ? typeOf(schema) : "");
  }
}

function showSchema(name, schema, parent) {
  const section = addElement("section", "", parent);
  addElement("h2", name, section);
  addElement("p", schema.description ?? "", section);
  const body = addTable(["field", "type", "meaning"], section);
  for (const [field, value] of Object.entries(schema.properties ?? {})) {
    addRow(body, field, typeOf(value), value.description ?? resolve(value)?.description ?? "");
  }
}

document.getElementById("description").textContent = description.info.description;
document.getElementById("example").textContent =
  `curl --data-binary @face.jpg -H "Content-Type: image/jpeg" ${location.origin}/v1/recognize`;
const operationList = document.getElementById("operations");
for (const [path, operations] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(operations)) showOperation(path, method, operation, operationList);
}
for (const [name, schema] of Object.entries(description.components.schemas)) showSchema(name, schema, operationList);
