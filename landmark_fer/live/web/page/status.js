// Elements that both pages have: lookup by id, the status line with the frame rate, and the camera menu.

import { listCameras } from "/page/camera.js";

const HINT_MS = 5000;
const COVERED = 0.15; // of the image's height, by a hint at its bottom or top
const RATE_MS = 2000; // over which frames are counted

export const byId = (id) => document.getElementById(id);

export function setStatus(text, state = "") {
  if (byId("status-text").textContent !== text) byId("status-text").textContent = text;
  byId("status").className = `status ${state}`;
}

// Counts responses; the rate is in frames per second.
export class FrameRate {
  constructor() {
    this.arrivals = [];
  }

  clear() {
    this.arrivals.length = 0;
  }

  add() {
    this.arrivals.push(performance.now());
  }

  get rate() {
    const { arrivals } = this;
    while (arrivals[0] < performance.now() - RATE_MS) arrivals.shift();
    return arrivals.length < 2 ? 0 : (1000 * (arrivals.length - 1)) / (arrivals.at(-1) - arrivals[0]);
  }

  get text() {
    return this.rate.toFixed(this.rate < 9.5 ? 1 : 0);
  }
}

// A line over the image that is shown for some seconds: of itself once, later on request.
export class Hint {
  constructor(element) {
    Object.assign(this, { element, shown: false, timer: 0 });
  }

  showOnce(texts, response) {
    if (!this.shown) this.show(texts, response);
  }

  // At the bottom, or at the top if a face of the response is at the bottom and none at the top.
  show(texts, response) {
    this.shown = true;
    const boxes = (response?.faces ?? []).map(({ box }) => box);
    const atBottom = boxes.some(({ y, height }) => y + height > (1 - COVERED) * response.height);
    const atTop = boxes.some(({ y }) => y < COVERED * response.height);
    this.element.classList.toggle("at-top", atBottom && !atTop);
    clearTimeout(this.timer);
    this.element.textContent = texts.join(", ");
    this.element.hidden = false;
    this.timer = setTimeout(() => this.hide(), HINT_MS);
  }

  hide() {
    this.element.hidden = true;
  }
}

// Fills the camera menu; it is hidden if there is only one camera.
export async function showCameraMenu(camera) {
  const devices = await listCameras();
  const current = camera.stream?.getVideoTracks()[0]?.getSettings().deviceId;
  byId("cameras").replaceChildren(...devices.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === current)));
  byId("cameras").hidden = devices.length < 2;
}

export function capitalized(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}
