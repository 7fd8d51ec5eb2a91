// Elements that both pages have: lookup by id, the status line with the frame rate, and the camera menu.

import { listCameras } from "/page/camera.js";

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

// Fills the camera menu; it is hidden if there is only one camera.
export async function showCameraMenu(camera) {
  const devices = await listCameras();
  const current = camera.stream?.getVideoTracks()[0]?.getSettings().deviceId;
  byId("cameras").replaceChildren(...devices.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === current)));
  byId("cameras").hidden = devices.length < 2;
}

export function capitalize(sentence) {
  return `${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
}
