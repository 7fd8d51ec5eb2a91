// The chart of the last 30 seconds: for each face, stacked probabilities over a stripe in the predicted expression's colour.

import { fitToScreen } from "/page/drawing.js";

const SECONDS = 30;
const GAP_SECONDS = 2; // without a response, after which a run ends
const MIN_SECONDS = 0.08; // drawn for the last response of a run
const MAX_LANES = 3; // the faces with the most responses are shown

export class History {
  constructor() {
    this.tracks = new Map();
    this.frame = 0;
  }

  clear() {
    this.tracks.clear();
  }

  add(seconds, faces) {
    this.frame += 1;
    for (const face of faces) {
      if (!this.tracks.has(face.track_id)) this.tracks.set(face.track_id, []);
      this.tracks.get(face.track_id).push({ seconds, face, frame: this.frame });
    }
    this.dropOld(seconds);
  }

  dropOld(seconds) {
    for (const [track, samples] of this.tracks) {
      while (samples.length && samples[0].seconds < seconds - SECONDS - 1) samples.shift();
      if (!samples.length) this.tracks.delete(track);
    }
  }

  lanes() {
    const longest = [...this.tracks].sort((a, b) => b[1].length - a[1].length);
    return longest.slice(0, MAX_LANES).sort((a, b) => a[0] - b[0]);
  }

  summary() {
    const lanes = this.lanes().map(([track, samples]) => `face ${track}: ${mostFrequent(samples)}`);
    return lanes.length ? `In the last 30 seconds, ${lanes.join("; ")}.` : "No face in the last 30 seconds.";
  }
}

function mostFrequent(samples) {
  const counts = new Map();
  for (const { face } of samples) counts.set(face.expression, (counts.get(face.expression) ?? 0) + 1);
  const expressions = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 3);
  return expressions.map(([name, count]) => `${name} ${Math.round((100 * count) / samples.length)}% of the time`).join(", ");
}

export function drawChart(canvas, history, facts, now) {
  history.dropOld(now);
  const lanes = history.lanes();
  const laneHeight = Math.max(1, lanes.length) === 1 ? 118 : 70;
  canvas.style.height = `${laneHeight * Math.max(1, lanes.length) + 32}px`;
  const unit = fitToScreen(canvas);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const colours = { ink: style.getPropertyValue("--muted"), track: style.getPropertyValue("--track") };
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const left = 56 * unit;
  const xOf = (seconds) => left + ((canvas.width - left) * (seconds - now + SECONDS)) / SECONDS;
  pen.font = `${13 * unit}px system-ui, sans-serif`;
  (lanes.length ? lanes : [[null, []]]).forEach(([track, samples], row) => {
    const top = row * laneHeight * unit;
    drawLane(pen, { track, samples, top, bottom: top + (laneHeight - 8) * unit, left, xOf, unit, facts, colours });
  });
  drawAxis(pen, canvas, left, unit, colours);
}

function drawLane(pen, lane) {
  const { track, samples, top, bottom, left, xOf, unit, facts, colours } = lane;
  const stripe = 7 * unit;
  const base = bottom - stripe - 2 * unit;
  pen.fillStyle = colours.track;
  pen.fillRect(left, top, pen.canvas.width - left, base - top);
  pen.fillRect(left, bottom - stripe, pen.canvas.width - left, stripe);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, pen.canvas.width - left, bottom - top);
  pen.clip();
  for (const run of runs(samples)) {
    run.push({ ...run.at(-1), seconds: run.at(-1).seconds + MIN_SECONDS });
    drawBand(pen, run, facts, xOf, top, base);
    drawStripe(pen, run, facts, xOf, bottom - stripe, stripe);
  }
  pen.restore();
  pen.fillStyle = colours.ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(track === null ? "no face" : `face ${track}`, 0, (top + base) / 2);
}

// Splits samples into runs of consecutive frames in which the face was detected.
function runs(samples) {
  const result = [];
  for (const sample of samples) {
    const last = result.at(-1)?.at(-1);
    if (last && sample.frame === last.frame + 1 && sample.seconds - last.seconds < GAP_SECONDS) result.at(-1).push(sample);
    else result.push([sample]);
  }
  return result;
}

function drawBand(pen, run, facts, xOf, top, base) {
  let below = run.map(() => 0);
  for (const name of facts.classes) {
    const above = run.map(({ face }, index) => below[index] + face.probabilities[name]);
    const height = (share) => base - (base - top) * Math.min(1, share);
    pen.beginPath();
    run.forEach(({ seconds }, index) => pen[index ? "lineTo" : "moveTo"](xOf(seconds), height(above[index])));
    for (let index = run.length - 1; index >= 0; index--) pen.lineTo(xOf(run[index].seconds), height(below[index]));
    pen.closePath();
    pen.fillStyle = facts.colours[name];
    pen.fill();
    below = above;
  }
}

function drawStripe(pen, run, facts, xOf, top, height) {
  run.slice(0, -1).forEach(({ seconds, face }, index) => {
    pen.fillStyle = facts.colours[face.expression];
    pen.fillRect(xOf(seconds), top, xOf(run[index + 1].seconds) - xOf(seconds) + 0.5, height);
  });
}

function drawAxis(pen, canvas, left, unit, colours) {
  const aligned = { 30: "left", 20: "center", 10: "center", 0: "right" };
  pen.textBaseline = "alphabetic";
  for (const [back, align] of Object.entries(aligned)) {
    const x = left + ((canvas.width - left) * (SECONDS - back)) / SECONDS;
    pen.fillStyle = colours.ink;
    pen.textAlign = align;
    pen.fillText(back === "0" ? "now" : `\u2212${back} s`, x, canvas.height - 6 * unit);
  }
}
