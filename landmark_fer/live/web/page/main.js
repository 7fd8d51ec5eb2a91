// The page of `live --web`: connects the camera or the server's source to the overlay, the panel and the chart.

import { Camera } from "/page/camera.js";
import { drawChart, History } from "/page/chart.js";
import { drawResponse } from "/page/drawing.js";
import { describe, Panel } from "/page/panel.js";
import { byId, capitalized, FrameRate, Hint, setStatus, showCameraMenu } from "/page/status.js";
import { Watch } from "/page/watch.js";

const CHART_MS = 100;
const DESCRIPTION_MS = 2000;
const EXTRAS = ["details", "explain"]; // options whose values the server adds on request
const NEUTRAL_MS = 2000; // during which the server records the neutral baseline
const COVERS = {
  camera: { text: "Your camera's images go to this server, are read in memory, and are not stored.", button: "Start the camera" },
  source: { text: "", button: "Watch" },
};

const facts = await (await fetch("/page/facts.json")).json();
const history = new History();
const panel = new Panel(byId("faces"), byId("announcement"), facts);
const frames = new FrameRate();
const state = { mode: "camera", response: null, delay: 0 };
const options = { box: true, label: true };
const hint = new Hint(byId("hint"));
const modes = {
  camera: new Camera(byId("video"), byId("image"), { onResponse, onError, onOpen: requestExtras }),
  source: new Watch(byId("image"), { onResponse, onError, request: () => withExtras("next") }),
};

function withExtras(request) {
  return [request, ...EXTRAS.filter((name) => options[name])].join(" ");
}

function requestExtras() {
  modes.camera.send(withExtras("show"));
}

function onResponse(response, delay) {
  if (response.error) {
    setStatus(response.error, "warning");
    return;
  }
  Object.assign(state, { response, delay });
  frames.add();
  if (!response.width) return;
  byId("main").style.setProperty("--shape", response.width / response.height);
  history.add(performance.now() / 1000, response.faces);
  draw();
  hint.showOnce(keyTexts(), response);
}

// `ended`: the source has no further image, and the last one stays to be seen.
function onError(message, { ended = false } = {}) {
  if (ended) byId("stop").hidden = true;
  else clear();
  setStatus(message, "warning");
  showCover({ text: message, button: ended ? "Watch again" : "Start again", ended });
}

function draw() {
  const shown = state.response?.width;
  panel.show(shown ? state.response.faces : [], options, shown ? "no face" : "no image");
  drawResponse(byId("overlay"), state.response, facts, options, { covered: byId("hint") });
}

function showCover({ text, button, ended = false }) {
  byId("cover").hidden = false;
  byId("cover").classList.toggle("ended", ended);
  byId("cover-text").textContent = text;
  byId("start").textContent = button;
}

function clear() {
  byId("stop").hidden = true;
  byId("neutral").hidden = true;
  byId("cameras").hidden = true;
  state.response = null;
  frames.clear();
  hint.hide();
  draw();
}

async function start() {
  byId("cover").hidden = true;
  setStatus("starting");
  try {
    if (!(await modes[state.mode].start(byId("cameras").value))) return;
  } catch (error) {
    onError(error.message);
    return;
  }
  byId("stop").hidden = false;
  byId("neutral").hidden = state.mode !== "camera" || facts.baseline === "off";
  if (state.mode === "camera") await showCameraMenu(modes.camera);
}

function recordNeutral() {
  modes.camera.send("neutral");
  const button = byId("neutral");
  Object.assign(button, { disabled: true, textContent: "Show a neutral face …" });
  setTimeout(() => Object.assign(button, { disabled: false, textContent: "Neutral face now" }), NEUTRAL_MS);
}

function stop() {
  modes[state.mode].stop();
  clear();
  setStatus("not running");
  showCover(COVERS[state.mode]);
}

// The visitor's own camera is mirrored at first, the server's source is not.
function chooseMode(mode) {
  modes[state.mode].stop();
  clear();
  history.clear();
  state.mode = mode;
  byId("mirror").checked = mode === "camera";
  setOption("mirror", mode === "camera");
  byId("video").hidden = mode !== "camera";
  byId("image").hidden = mode === "camera";
  if (mode === "source") {
    start();
  } else {
    setStatus("not running");
    showCover(COVERS.camera);
  }
}

function setOption(name, value) {
  options[name] = value;
  if (EXTRAS.includes(name) && state.mode === "camera") requestExtras();
  for (const id of ["video", "image"]) byId(id).classList.toggle("mirrored", options.mirror);
  draw();
}

function tick() {
  drawChart(byId("chart"), history, facts, performance.now() / 1000);
  if (!modes[state.mode].running || !state.response || state.response.ended || state.response.error) return;
  const label = state.mode === "camera" ? "delay" : "read in";
  setStatus(`${frames.text} frames/s, ${label} ${Math.round(state.delay)} ms`, frames.rate ? "running" : "warning");
}

function updateDescriptions() {
  byId("overlay").setAttribute("aria-label", describe(state.response, facts));
  byId("chart").setAttribute("aria-label", history.summary());
}

function showOptions() {
  for (const { name, key, label, default: checked } of facts.options) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", id: name, checked });
    box.setAttribute("aria-keyshortcuts", key);
    box.addEventListener("change", () => setOption(name, box.checked));
    options[name] = checked;
    const item = document.createElement("label");
    item.append(box, ` ${capitalized(label)}`);
    byId("options").append(item);
  }
}

// What the keys do, or, without a keyboard, what a tap does.
function keyTexts() {
  if (matchMedia("(pointer: coarse)").matches) return ["tap the image for details"];
  const texts = facts.options.map(({ key, label }) => `${key} ${label}`);
  if (!byId("neutral").hidden) texts.push("n neutral face now");
  return [...texts, "space stop", "h these keys"];
}

function onKeyDown(event) {
  const { key, target } = event;
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("select, input:not([type=checkbox])") || (key === " " && target.closest("button, summary, input, a"))) return;
  const option = facts.options.find((each) => each.key === key.toLowerCase());
  if (option) byId(option.name).click();
  else if (key === " ") byId(modes[state.mode].running ? "stop" : "start").click();
  else if (key === "n" && !byId("neutral").hidden) byId("neutral").click();
  else if (key === "h") hint.show(keyTexts(), state.response);
  else return;
  event.preventDefault();
}

function showFacts() {
  for (const name of [...facts.classes, facts.uncertain]) {
    const item = document.createElement("li");
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = facts.colours[name];
    item.append(swatch, name);
    byId("legend").append(item);
  }
  for (const [name, value] of Object.entries({ version: facts.version, ...facts.details })) {
    byId("facts").append(Object.assign(document.createElement("dt"), { textContent: name }));
    byId("facts").append(Object.assign(document.createElement("dd"), { textContent: value }));
  }
  byId("mode-source").hidden = facts.source === null;
  if (facts.source !== null) byId("source-name").textContent = `Server: ${facts.source}`;
}

showOptions();
showFacts();
byId("start").addEventListener("click", start);
byId("stop").addEventListener("click", stop);
byId("neutral").addEventListener("click", recordNeutral);
byId("cameras").addEventListener("change", () => {
  modes.camera.stop();
  start();
});
byId("overlay").addEventListener("click", () => byId("details").click());
document.addEventListener("keydown", onKeyDown);
byId("modes").addEventListener("change", ({ target }) => chooseMode(target.value));
window.addEventListener("resize", draw);
const firstMode = facts.source === null ? "camera" : "source";
document.querySelector(`input[value="${firstMode}"]`).checked = true;
chooseMode(firstMode);
setInterval(tick, CHART_MS);
setInterval(updateDescriptions, DESCRIPTION_MS);
