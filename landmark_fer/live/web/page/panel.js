// What the faces show now, as text and bars that a screen reader can read too.

import { percent, words } from "/page/drawing.js";

function element(name, kind, parent) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  parent?.append(made);
  return made;
}

class Card {
  constructor(facts) {
    this.facts = facts;
    this.root = element("article", "face");
    this.who = element("p", "who", this.root);
    const title = element("h3", "", this.root);
    this.swatch = element("span", "swatch", title);
    this.swatch.setAttribute("aria-hidden", "true");
    this.name = element("span", "", title);
    this.share = element("span", "share", title);
    this.rows = new Map(facts.classes.map((expression) => [expression, this.row(expression)]));
  }

  row(expression) {
    const root = element("div", "bar", this.root);
    element("span", "name", root).textContent = expression;
    const track = element("span", "track", root);
    track.setAttribute("aria-hidden", "true");
    const fill = element("span", "fill", track);
    fill.style.background = this.facts.colours[expression];
    return { root, fill, value: element("span", "value", root) };
  }

  show(face) {
    const unsure = face.expression === this.facts.uncertain;
    this.who.textContent = unsure ? `Face ${face.track_id}, most likely ${face.likeliest} ${percent(face.confidence)}` : `Face ${face.track_id}`;
    this.swatch.style.background = this.facts.colours[face.expression];
    this.name.textContent = face.expression;
    this.share.textContent = unsure ? "" : percent(face.confidence);
    for (const [expression, row] of this.rows) {
      row.fill.style.width = `${100 * face.probabilities[expression]}%`;
      row.value.textContent = percent(face.probabilities[expression]);
      row.root.classList.toggle("best", expression === face.likeliest);
    }
  }
}

export class Panel {
  constructor(root, spoken, facts) {
    Object.assign(this, { root, spoken, facts, cards: new Map(), said: "", saidAt: 0 });
    this.none = root.querySelector(".none");
  }

  show(faces) {
    const present = new Set(faces.map((face) => face.track_id));
    for (const [track, card] of this.cards) {
      if (present.has(track)) continue;
      card.root.remove();
      this.cards.delete(track);
    }
    for (const face of faces) {
      if (!this.cards.has(face.track_id)) {
        this.cards.set(face.track_id, new Card(this.facts));
        this.root.append(this.cards.get(face.track_id).root);
      }
      this.cards.get(face.track_id).show(face);
    }
    this.none.hidden = faces.length > 0;
    this.say(faces);
  }

  // A screen reader hears changes of the response, at most one in three seconds.
  say(faces) {
    const text = faces.length ? faces.map((face) => `face ${face.track_id}: ${face.expression}`).join(", ") : "no face";
    if (text === this.said || performance.now() - this.saidAt < 3000) return;
    this.spoken.textContent = text;
    Object.assign(this, { said: text, saidAt: performance.now() });
  }
}

export function describe(response, facts) {
  if (!response?.width) return "Nothing is shown yet.";
  if (!response.faces.length) return "A image with no face.";
  return `A image with ${response.faces.map((face) => `face ${face.track_id}: ${words(face, facts)}`).join(", ")}.`;
}
