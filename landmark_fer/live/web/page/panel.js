// The predictions of the current frame as text and bars, which screen readers can read.

import { namedIn, percent, predictionText } from "/page/drawing.js";
import { capitalized } from "/page/status.js";

const FULL_BAR = 1; // contribution that fills a bar, unless a cue has a larger one
const ANNOUNCEMENT_MS = 3000; // between two announcements of a screen reader

function addElement(tag, className, parent) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  parent?.append(element);
  return element;
}

// Why a face is predicted to show an expression: bars to the right for cues that support it, to the left for others,
// and the heat map. The canvas has the size of the image that the server sends.
class Explanation {
  constructor(parent) {
    this.root = addElement("section", "explanation", parent);
    this.title = addElement("h4", "", this.root);
    this.cues = addElement("ul", "", this.root);
    this.heat = addElement("canvas", "", this.root);
    this.heat.setAttribute("role", "img");
    this.heat.setAttribute("aria-label", "Heat map of the face: orange supports the expression, blue contradicts it.");
    this.shown = "";
  }

  show(explanation, { mirror }) {
    this.root.hidden = !explanation;
    this.heat.classList.toggle("mirrored", mirror);
    const key = explanation ? explanation.text + explanation.heat : this.shown;
    if (key === this.shown) return;
    this.shown = key;
    this.title.textContent = capitalized(explanation.title);
    const full = Math.max(FULL_BAR, ...explanation.cues.map(({ contribution }) => Math.abs(contribution)));
    this.cues.replaceChildren(...explanation.cues.map((cue) => this.cueItem(cue, full)));
    if (!explanation.cues.length) addElement("li", "muted", this.cues).textContent = "no single cue";
    this.heat.hidden = !explanation.heat;
    if (explanation.heat) this.drawHeat(explanation.heat);
  }

  cueItem({ words, contribution }, full) {
    const item = addElement("li");
    addElement("span", "", item).textContent = words;
    const fill = addElement("span", "fill", addElement("span", "track", item));
    fill.classList.toggle("against", contribution < 0);
    fill.style.width = `${(50 * Math.abs(contribution)) / full}%`;
    addElement("span", "value", item).textContent = `${contribution < 0 ? "\u2212" : "+"}${Math.abs(contribution).toFixed(1)}`;
    addElement("span", "visually-hidden", item).textContent = contribution < 0 ? "contradicts" : "supports";
    return item;
  }

  async drawHeat(heat) {
    const bytes = Uint8Array.from(atob(heat), (character) => character.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    Object.assign(this.heat, { width: image.width, height: image.height });
    this.heat.getContext("2d").drawImage(image, 0, 0);
    image.close();
  }
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
    this.explanation = new Explanation(this.root);
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

  show(face, options) {
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
    this.explanation.show(options.explain ? face.explanation : null, options);
    this.details.hidden = !(options.details && face.details);
    if (!this.details.hidden) this.showDetails(Object.entries(face.details));
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

  // `none`: what is written without a face.
  show(faces, options, none = "no face") {
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
    Object.assign(this.empty, { hidden: faces.length > 0, textContent: none });
    this.announce(faces, none);
  }

  announce(faces, none) {
    const text = faces.length ? faces.map((face) => `face ${face.track_id}: ${face.label}`).join(", ") : none;
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
