// The table of recorded takes, and deleting them after two confirmations.

import { byId } from "/page/status.js";

export class Takes {
  // `onDelete` is called before everything is deleted, `onDeleted` with a message afterwards.
  constructor(facts, { onDelete, onDeleted }) {
    Object.assign(this, { facts, onDelete, onDeleted, shown: "", rows: [] });
    byId("folder").textContent = `In ${facts.folder}, on the computer that runs collect.`;
    byId("delete").addEventListener("click", () => this.confirm());
    byId("yes").addEventListener("click", () => this.onYes());
    byId("no").addEventListener("click", () => this.closeQuestion());
  }

  // Shows the takes on the server; returns its response, which holds the date of consent.
  async load() {
    const response = await fetch("/v1/takes").then((response) => response.json(), () => ({}));
    if (response.recorded) this.show(response.recorded, response.consented);
    return response;
  }

  show(rows, consented = true) {
    const shown = JSON.stringify([rows, Boolean(consented)]);
    if (shown === this.shown) return;
    Object.assign(this, { shown, rows });
    const lines = rows.map(({ expression, takes, faces }) => this.line(expression, takes, faces));
    if (rows.length > 1) {
      lines.push(this.line("total", this.sum("takes"), this.sum("faces")));
      lines.at(-1).className = "total";
    }
    byId("takes").tBodies[0].replaceChildren(...lines);
    byId("takes").hidden = !rows.length;
    byId("no-takes").hidden = rows.length > 0;
    byId("delete").disabled = !rows.length && !consented;
  }

  sum(column) {
    return this.rows.reduce((total, row) => total + row[column], 0);
  }

  line(title, ...counts) {
    const row = document.createElement("tr");
    const cell = row.insertCell();
    const colour = this.facts.colours[title];
    if (colour) {
      const swatch = cell.appendChild(document.createElement("span"));
      swatch.className = "swatch";
      swatch.style.background = colour;
    }
    cell.append(title);
    for (const count of counts) row.insertCell().textContent = count;
    return row;
  }

  confirm() {
    const all = `all ${this.sum("takes")} takes (${this.sum("faces")} faces) of ${this.facts.subject} and the consent`;
    this.ask(`Delete ${all} from ${this.facts.folder}?`, "Yes, delete", () => this.confirmAgain());
  }

  confirmAgain() {
    const text = "This cannot be undone. Models that were fitted on these faces, copies and backups do not change; delete them as well. Delete now?";
    this.ask(text, "Yes, delete permanently", () => this.delete());
  }

  ask(text, yes, onYes) {
    byId("question").textContent = text;
    byId("yes").textContent = yes;
    this.onYes = onYes;
    byId("confirm").hidden = false;
    byId("delete").hidden = true;
    byId("no").focus();
  }

  closeQuestion() {
    byId("confirm").hidden = true;
    byId("delete").hidden = false;
  }

  async delete() {
    this.closeQuestion();
    this.onDelete();
    const body = JSON.stringify(this.facts.subject);
    const headers = { "Content-Type": "application/json" };
    const response = await fetch("/v1/delete", { method: "POST", body, headers }).then((response) => response.json(), () => ({}));
    if (response.deleted === undefined) this.onDeleted(`Not deleted: ${response.detail ?? "the server cannot be reached"}.`);
    else this.onDeleted(`${response.deleted} takes of ${this.facts.subject} were deleted.`);
  }
}
