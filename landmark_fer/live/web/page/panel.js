// The predictions of the current frame as text and bars, which screen readers can read.

import { namedIn, percent, predictionText } from "/page/drawing.js";

const ANNOUNCEMENT_MS = 3000; // between two announcements of a screen reader

function addElement(tag, className, parent) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  parent?.append(element);
  return element;
}

class FaceCard {
  constructor(facts) {
    this.facts = facts;
    this.root = addElement("article", "face");
    this.track = addElement("p", "track-number", this.root);
    const title = addElement("h3", "", this.root);
    this.swatch = addElement("span", "swatch", title);
    this.swatch.setAttribute("aria-hidden", "true");
    this.expression = addElement("span", "", title);
    this.confidence = addElement("span", "confidence", title);
    this.rows = new Map(facts.classes.map((expression) => [expression, this.addRow(expression)]));
    this.details = addElement("dl", "details", this.root);
  }

  addRow(expression) {
    const root = addElement("div", "bar", this.root);
    addElement("span", "name", root).textContent = expression;
    const track = addElement("span", "track", root);
    track.setAttribute("aria-hidden", "true");
    const fill = addElement("span", "fill", track);
    return { root, fill, value: addElement("span", "value", root) };
  }

  show(face, { details }) {
    const uncertain = face.expression === this.facts.uncertain;
    const likeliest = uncertain && !face.reason ? `, most likely ${face.likeliest} ${percent(face.confidence)}` : "";
    const baseline = face.baseline ? `, baseline ${face.baseline}` : "";
    this.track.textContent = `Face ${face.track_id}${likeliest}${baseline}`;
    this.swatch.style.background = this.facts.colours[face.expression];
    this.expression.textContent = face.label;
    this.confidence.textContent = uncertain ? "" : percent(face.confidence);
    const named = namedIn(face, this.facts);
    for (const [expression, row] of this.rows) {
      row.fill.style.width = `${100 * face.probabilities[expression]}%`;
      row.value.textContent = percent(face.probabilities[expression]);
      row.fill.style.background = this.facts.colours[named.length ? expression : this.facts.uncertain];
      row.root.classList.toggle("best", named.includes(expression));
    }
    this.details.hidden = !details;
    if (details) this.showDetails(Object.entries(face.details));
  }

  showDetails(rows) {
    if (this.details.children.length !== 2 * rows.length) {
      this.details.replaceChildren();
      for (const [name] of rows) {
        addElement("dt", "", this.details).textContent = name;
        addElement("dd", "", this.details);
      }
    }
    rows.forEach(([, value], row) => (this.details.children[2 * row + 1].textContent = value));
  }
}

export class Panel {
  constructor(root, announcement, facts) {
    Object.assign(this, { root, announcement, facts, cards: new Map(), announced: "", announcedAt: 0 });
    this.empty = root.querySelector(".none");
  }

  show(faces, options) {
    const tracks = new Set(faces.map((face) => face.track_id));
    for (const [track, card] of this.cards) {
      if (tracks.has(track)) continue;
      card.root.remove();
      this.cards.delete(track);
    }
    for (const face of faces) {
      if (!this.cards.has(face.track_id)) {
        this.cards.set(face.track_id, new FaceCard(this.facts));
        this.root.append(this.cards.get(face.track_id).root);
      }
      this.cards.get(face.track_id).show(face, options);
    }
    this.empty.hidden = faces.length > 0;
    this.announce(faces);
  }

  announce(faces) {
    const text = faces.length ? faces.map((face) => `face ${face.track_id}: ${face.label}`).join(", ") : "no face";
    if (text === this.announced || performance.now() - this.announcedAt < ANNOUNCEMENT_MS) return;
    this.announcement.textContent = text;
    Object.assign(this, { announced: text, announcedAt: performance.now() });
  }
}

export function describe(response, facts) {
  if (!response?.width) return "Nothing is shown yet.";
  if (!response.faces.length) return "An image without a face.";
  return `An image with ${response.faces.map((face) => `face ${face.track_id}: ${predictionText(face, facts)}`).join(", ")}.`;
}
