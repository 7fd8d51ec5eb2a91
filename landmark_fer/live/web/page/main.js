// Wires the page: which way is looked at, what is drawn, what is said.

import { Camera, listCameras } from "/page/camera.js";
import { drawChart, History } from "/page/chart.js";
import { drawResponse } from "/page/drawing.js";
import { describe, Panel } from "/page/panel.js";
import { Watch } from "/page/watch.js";

const CHART_MS = 100;
const RATE_MS = 2000; // over which frames are counted
const WORDS = {
  camera: { text: "Your camera's images go to this server, are read in memory, and are not stored.", button: "Start the camera" },
  source: { text: "", button: "Watch" },
};

const at = (id) => document.getElementById(id);
const facts = await (await fetch("/page/facts.json")).json();
const history = new History();
const panel = new Panel(at("faces"), at("spoken"), facts);
const arrivals = [];
const state = { way: "camera", response: null, delay: 0 };

const onResponse = (response, delay) => {
  if (response.error) {
    say(response.error, "troubled");
    return;
  }
  const now = performance.now();
  Object.assign(state, { response, delay });
  arrivals.push(now);
  while (arrivals[0] < now - RATE_MS) arrivals.shift();
  if (!response.faces) return;
  setShape(response.width, response.height);
  history.add(now / 1000, response.faces);
  panel.show(response.faces);
  draw();
};
const onTrouble = (sentence, stays = false) => {
  if (!stays) ended();
  say(sentence, "troubled");
  if (!stays) cover(sentence, "Start again");
};
const ways = {
  camera: new Camera(at("video"), at("image"), { onResponse, onTrouble }),
  source: new Watch(at("image"), { onResponse, onTrouble }),
};

function view() {
  return { landmarks: at("landmarks").checked, bars: at("bars").checked, mirror: at("mirror").checked };
}

function draw() {
  drawResponse(at("overlay"), state.response, facts, view());
}

function setShape(width, height) {
  at("main").style.setProperty("--shape", width / height);
}

function say(text, kind = "") {
  if (at("status-text").textContent !== text) at("status-text").textContent = text;
  at("status").className = `status ${kind}`;
}

function cover(text, button) {
  at("cover").hidden = false;
  at("cover-text").textContent = text;
  at("start").textContent = button;
}

function ended() {
  at("stop").hidden = true;
  at("cameras").hidden = true;
  Object.assign(state, { response: null });
  arrivals.length = 0;
  panel.show([]);
  draw();
}

async function start() {
  at("cover").hidden = true;
  say("starting");
  try {
    if (!(await ways[state.way].start(at("cameras").value))) return;
  } catch (error) {
    onTrouble(error.message);
    return;
  }
  at("stop").hidden = false;
  if (state.way === "camera") await offerCameras();
}

function stop() {
  ways[state.way].stop();
  ended();
  say("not running");
  cover(WORDS[state.way].text, WORDS[state.way].button);
}

async function offerCameras() {
  const cameras = await listCameras();
  const chosen = ways.camera.stream?.getVideoTracks()[0]?.getSettings().deviceId;
  at("cameras").replaceChildren(...cameras.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === chosen)));
  at("cameras").hidden = cameras.length < 2;
}

// The server's images are shown as they are; one's own camera is shown as a mirror.
function choose(way) {
  ways[state.way].stop();
  ended();
  history.clear();
  state.way = way;
  at("mirror").checked = way === "camera";
  at("video").hidden = way !== "camera";
  at("image").hidden = way === "camera";
  mirrorImage();
  if (way === "source") {
    start();
  } else {
    say("not running");
    cover(WORDS.camera.text, WORDS.camera.button);
  }
}

function mirrorImage() {
  for (const id of ["video", "image"]) at(id).classList.toggle("mirrored", at("mirror").checked);
}

function tick() {
  const now = performance.now();
  drawChart(at("chart"), history, facts, now / 1000);
  if (!ways[state.way].running || !state.response || state.response.ended || state.response.error) return;
  while (arrivals[0] < now - RATE_MS) arrivals.shift();
  const rate = arrivals.length < 2 ? 0 : (1000 * (arrivals.length - 1)) / (arrivals.at(-1) - arrivals[0]);
  const delay = state.way === "camera" ? `delay ${Math.round(state.delay)} ms` : `read in ${Math.round(state.delay)} ms`;
  say(`${rate.toFixed(rate < 9.5 ? 1 : 0)} frames/s, ${delay}`, rate ? "running" : "troubled");
}

function describeAll() {
  at("overlay").setAttribute("aria-label", describe(state.response, facts));
  at("chart").setAttribute("aria-label", history.summary());
}

function showFacts() {
  for (const name of [...facts.classes, facts.uncertain]) {
    const item = document.createElement("li");
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = facts.colours[name];
    item.append(swatch, name);
    at("legend").append(item);
  }
  for (const [name, value] of Object.entries({ version: facts.version, ...facts.about })) {
    at("about").append(Object.assign(document.createElement("dt"), { textContent: name }));
    at("about").append(Object.assign(document.createElement("dd"), { textContent: value }));
  }
  at("way-source").hidden = facts.source === null;
  if (facts.source !== null) at("source-name").textContent = `Server: ${facts.source}`;
}

showFacts();
at("start").addEventListener("click", start);
at("stop").addEventListener("click", stop);
at("cameras").addEventListener("change", () => {
  ways.camera.stop();
  start();
});
for (const id of ["landmarks", "bars", "mirror"]) at(id).addEventListener("change", draw);
at("mirror").addEventListener("change", mirrorImage);
at("ways").addEventListener("change", ({ target }) => choose(target.value));
window.addEventListener("resize", draw);
const first = facts.source === null ? "camera" : "source";
document.querySelector(`input[value="${first}"]`).checked = true;
choose(first);
setInterval(tick, CHART_MS);
setInterval(describeAll, 2000);
