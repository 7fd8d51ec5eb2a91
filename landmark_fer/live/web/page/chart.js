// The last 30 seconds of each face: stacked probabilities, and under them a stripe in the colour of the response.

import { fit } from "/page/drawing.js";

const SECONDS = 30;
const GAP_SECONDS = 2; // without any response, after which the band breaks off
const LEAST_SECONDS = 0.08; // that a single response is drawn for
const LANES = 3; // faces shown at once, those seen most

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
    this.forget(seconds);
  }

  forget(seconds) {
    for (const [track, samples] of this.tracks) {
      while (samples.length && samples[0].seconds < seconds - SECONDS - 1) samples.shift();
      if (!samples.length) this.tracks.delete(track);
    }
  }

  lanes() {
    const longest = [...this.tracks].sort((one, other) => other[1].length - one[1].length);
    return longest.slice(0, LANES).sort((one, other) => one[0] - other[0]);
  }

  summary() {
    const lanes = this.lanes().map(([track, samples]) => `face ${track}: ${shares(samples)}`);
    return lanes.length ? `In the last 30 seconds, ${lanes.join("; ")}.` : "No face in the last 30 seconds.";
  }
}

function shares(samples) {
  const counts = new Map();
  for (const { face } of samples) counts.set(face.expression, (counts.get(face.expression) ?? 0) + 1);
  const most = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 3);
  return most.map(([name, count]) => `${name} ${Math.round((100 * count) / samples.length)} % of the time`).join(", ");
}

export function drawChart(canvas, history, facts, now) {
  history.forget(now);
  const lanes = history.lanes();
  const laneHeight = Math.max(1, lanes.length) === 1 ? 118 : 70;
  canvas.style.height = `${laneHeight * Math.max(1, lanes.length) + 32}px`;
  const unit = fit(canvas);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const colours = { ink: style.getPropertyValue("--muted"), line: style.getPropertyValue("--line"), track: style.getPropertyValue("--track") };
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const left = 56 * unit;
  const across = (seconds) => left + ((canvas.width - left) * (seconds - now + SECONDS)) / SECONDS;
  pen.font = `${12 * unit}px system-ui, sans-serif`;
  (lanes.length ? lanes : [[null, []]]).forEach(([track, samples], row) => {
    const top = row * laneHeight * unit;
    drawLane(pen, { track, samples, top, bottom: top + (laneHeight - 8) * unit, left, across, unit, facts, colours });
  });
  drawAxis(pen, canvas, left, unit, colours);
}

function drawLane(pen, lane) {
  const { track, samples, top, bottom, left, across, unit, facts, colours } = lane;
  const stripe = 7 * unit;
  const floor = bottom - stripe - 2 * unit;
  pen.fillStyle = colours.track;
  pen.fillRect(left, top, pen.canvas.width - left, floor - top);
  pen.fillRect(left, bottom - stripe, pen.canvas.width - left, stripe);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, pen.canvas.width - left, bottom - top);
  pen.clip();
  for (const run of runs(samples)) {
    run.push({ ...run.at(-1), seconds: run.at(-1).seconds + LEAST_SECONDS });
    drawBand(pen, run, facts, across, top, floor);
    drawStripe(pen, run, facts, across, bottom - stripe, stripe);
  }
  pen.restore();
  pen.fillStyle = colours.ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(track === null ? "no face" : `face ${track}`, 0, (top + floor) / 2);
}

// Stretches of frames without one in which the face was not there.
function runs(samples) {
  const found = [];
  for (const sample of samples) {
    const last = found.at(-1)?.at(-1);
    if (last && sample.frame === last.frame + 1 && sample.seconds - last.seconds < GAP_SECONDS) found.at(-1).push(sample);
    else found.push([sample]);
  }
  return found;
}

function drawBand(pen, run, facts, across, top, floor) {
  let below = run.map(() => 0);
  for (const name of facts.classes) {
    const above = run.map(({ face }, at) => below[at] + face.probabilities[name]);
    const height = (share) => floor - (floor - top) * Math.min(1, share);
    pen.beginPath();
    run.forEach(({ seconds }, at) => pen[at ? "lineTo" : "moveTo"](across(seconds), height(above[at])));
    for (let at = run.length - 1; at >= 0; at--) pen.lineTo(across(run[at].seconds), height(below[at]));
    pen.closePath();
    pen.fillStyle = facts.colours[name];
    pen.fill();
    below = above;
  }
}

function drawStripe(pen, run, facts, across, top, height) {
  run.slice(0, -1).forEach(({ seconds, face }, at) => {
    pen.fillStyle = facts.colours[face.expression];
    pen.fillRect(across(seconds), top, across(run[at + 1].seconds) - across(seconds) + 0.5, height);
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
