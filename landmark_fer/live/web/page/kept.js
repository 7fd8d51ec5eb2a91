// What is kept of this person, and deleting it: asked twice.

const at = (id) => document.getElementById(id);

export class Kept {
  // `before` is called when something is about to be deleted, `after` with a sentence when it was.
  constructor(facts, { before, after }) {
    Object.assign(this, { facts, before, after, shown: "", rows: [] });
    at("where").textContent = `In ${facts.where}, on the computer that runs collect.`;
    at("delete").addEventListener("click", () => this.first());
    at("yes").addEventListener("click", () => this.onYes());
    at("no").addEventListener("click", () => this.close());
  }

  // Returns when this person agreed, after showing what the server keeps.
  async ask() {
    const response = await fetch("/v1/kept").then((response) => response.json(), () => ({}));
    if (response.kept) this.show(response.kept, response.agreed);
    return response;
  }

  show(rows, agreed = true) {
    const text = JSON.stringify([rows, Boolean(agreed)]);
    if (text === this.shown) return;
    Object.assign(this, { shown: text, rows });
    const lines = rows.map(({ expression, takes, faces }) => this.line(expression, takes, faces));
    if (rows.length > 1) {
      lines.push(this.line("together", this.sum("takes"), this.sum("faces")));
      lines.at(-1).className = "total";
    }
    at("takes").tBodies[0].replaceChildren(...lines);
    at("takes").hidden = !rows.length;
    at("nothing").hidden = rows.length > 0;
    at("delete").disabled = !rows.length && !agreed;
  }

  sum(name) {
    return this.rows.reduce((total, row) => total + row[name], 0);
  }

  line(expression, ...numbers) {
    const row = document.createElement("tr");
    const name = row.insertCell();
    const colour = this.facts.colours[expression];
    if (colour) {
      const swatch = name.appendChild(document.createElement("span"));
      swatch.className = "swatch";
      swatch.style.background = colour;
    }
    name.append(expression);
    for (const number of numbers) row.insertCell().textContent = number;
    return row;
  }

  first() {
    const what = `all ${this.sum("takes")} takes (${this.sum("faces")} faces) of ${this.facts.subject} and the consent`;
    this.question(`Delete ${what} from ${this.facts.where}?`, "Yes, delete it", () => this.second());
  }

  second() {
    const text = "It cannot be brought back. Models that were fitted on it, copies and backups are not changed by this: delete those, too. Really delete it?";
    this.question(text, "Yes, delete it for good", () => this.delete());
  }

  question(text, yes, onYes) {
    at("question").textContent = text;
    at("yes").textContent = yes;
    this.onYes = onYes;
    at("sure").hidden = false;
    at("delete").hidden = true;
    at("no").focus();
  }

  close() {
    at("sure").hidden = true;
    at("delete").hidden = false;
  }

  async delete() {
    this.close();
    this.before();
    const body = JSON.stringify(this.facts.subject);
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("/v1/delete", { method: "POST", body, headers }).then((response) => response.json(), () => ({}));
    if (response.deleted === undefined) this.after(`Not deleted: ${response.detail ?? "the server cannot be reached"}.`);
    else this.after(`${response.deleted} takes of ${this.facts.subject} were deleted.`);
  }
}
