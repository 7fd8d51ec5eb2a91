// The page of `collect --web`: consent, the camera, the expression to show, keys, and leaving.

import { Camera } from "/page/camera.js";
import { drawResponse } from "/page/drawing.js";
import { byId, capitalized, FrameRate, setStatus, showCameraMenu } from "/page/status.js";
import { Takes } from "/page/takes.js";

const QUALITY = 0.92; // of JPEG frames that become training data
const OPTIONS = { mirror: true, box: true, landmarks: true };
const COLOURS = { chosen: "#f5f5f5", recording: "#de2d26", other: "#6e6e6e" };
const KEYS = { " ": "space", s: "s", u: "u", Backspace: "u", q: "q", Escape: "q" };

const facts = await (await fetch("/page/facts.json")).json();
const frames = new FrameRate();
const state = { response: null, announced: "" };

const takes = new Takes(facts, { onDelete: () => camera.stop(), onDeleted: (message) => showIntro("Deleted", message) });
const camera = new Camera(byId("video"), byId("image"), {
  address: "/v1/session",
  quality: QUALITY,
  onOpen: () => camera.send("agree"),
  onResponse,
  onError: (message) => showIntro("Not recording", message),
});

function onResponse(response) {
  if (response.ended) {
    camera.stop();
    showIntro("Not recording", `${capitalized(response.ended)}.`);
    return;
  }
  frames.add();
  showRate();
  if (response.error) {
    setText("warning", response.error);
    return;
  }
  state.response = response;
  byId("main").style.setProperty("--shape", response.width / response.height);
  takes.show(response.recorded);
  showPrompt(response);
  showStage(response);
  draw();
}

function showPrompt({ take, n_left: left }) {
  const name = take?.expression ?? "";
  const title = name || "Thank you";
  if (byId("expression").textContent !== title) {
    byId("expression").textContent = title;
    byId("example").hidden = byId("swatch").hidden = !name;
    if (name) Object.assign(byId("example"), { src: `/examples/${name}.jpg`, alt: `Example of a face that shows ${name}` });
    byId("swatch").style.background = facts.colours[name] ?? "";
  }
  byId("hint").textContent = name ? facts.hints[name] : "All takes are recorded. Leave, or undo the last take; a larger --rounds adds more.";
  byId("round").textContent = name ? `round ${take.round}; ${left} to go` : "";
  byId("reason").textContent = take?.reason ? `Next because ${take.reason}.` : "";
}

function showStage({ stage, left_s: left, share, waiting, message, faces }) {
  const recording = stage === "recording";
  byId("stage").classList.toggle("recording", recording);
  byId("countdown").textContent = stage === "countdown" ? Math.ceil(left) || 1 : "";
  byId("meter").hidden = !recording;
  byId("progress").style.width = `${100 * share}%`;
  const several = faces.length > 1 ? "several faces: the bright one is recorded" : "";
  const warning = faces.length ? several : "no face detected: come closer, add light";
  setText("warning", stage === "done" ? "" : warning);
  setText("message", stage === "countdown" || recording ? "" : message);
  const instructions = { ready: waiting ? "Begin when you are ready" : "get ready", recording: "recording: hold it" };
  setText("instruction", instructions[stage] ?? "");
  byId("space-text").textContent = waiting ? "Begin" : "Wait";
  byId("space").disabled = byId("s").disabled = stage === "done";
  announce();
}

// Announces each stage once to screen readers.
function announce() {
  const { stage, take, message } = state.response;
  const texts = { ready: `${message}. Next: ${take?.expression}, ${facts.hints[take?.expression]}`, done: "All takes are recorded." };
  const text = texts[stage] ?? stage;
  if (text === state.announced) return;
  state.announced = text;
  byId("announcement").textContent = text;
}

function setText(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

function draw() {
  const chosen = state.response?.stage === "recording" ? COLOURS.recording : COLOURS.chosen;
  drawResponse(byId("overlay"), state.response, facts, OPTIONS, { colourOf: (face) => (face.chosen ? chosen : COLOURS.other) });
}

function showRate() {
  const slow = frames.arrivals.length > 3 && frames.rate < 5;
  setStatus(`${frames.text} images/s${slow ? "; at this rate takes need longer" : ""}`, slow ? "warning" : "running");
}

// Shows the introduction (what is stored, consent, how to start) and an optional message.
async function showIntro(title, message = "") {
  Object.assign(state, { response: null, announced: "" });
  frames.clear();
  byId("intro-title").textContent = title;
  setText("alert", message);
  const { consented } = await takes.load();
  setText("consent-date", consented ? `${facts.subject} agreed to be recorded on ${consented.slice(0, 10)}.` : "");
  byId("privacy").open = !consented;
  byId("start").textContent = consented ? "Start the camera" : "I agree, start the camera";
  byId("decline").hidden = Boolean(consented);
  showSession(false);
}

function showSession(running) {
  byId("main").classList.toggle("waiting", !running);
  byId("intro").hidden = running;
  byId("prompt").hidden = byId("camera").hidden = !running;
}

async function start() {
  byId("start").disabled = true;
  setStatus("starting");
  try {
    if (await camera.start(byId("cameras").value)) {
      showSession(true);
      await showCameraMenu(camera);
    }
  } catch (error) {
    showIntro("Not recording", error.message);
  } finally {
    byId("start").disabled = false;
  }
}

function press(key) {
  if (!camera.running) return;
  if (key !== "q") {
    camera.send(key);
    return;
  }
  camera.stop();
  showIntro("You left", "All complete takes are stored. Start the camera to continue, now or another day.");
}

// Handles a key unless it belongs to the focused element or to a shortcut of the browser.
function onKeyDown(event) {
  const key = KEYS[event.key];
  const interactive = event.target.closest("button, select, summary, input, a");
  if (!key || event.repeat || event.ctrlKey || event.metaKey || event.altKey || (interactive && key === "space")) return;
  event.preventDefault();
  press(key);
}

// Loads the example images one after another, so that the server has drawn them before they are needed.
function preloadExamples(names) {
  const image = new Image();
  image.addEventListener("load", () => preloadExamples(names.slice(1)));
  if (names.length) image.src = `/examples/${names[0]}.jpg`;
}

byId("subject").textContent = `${facts.subject}, version ${facts.version}`;
byId("paragraphs").replaceChildren(...facts.paragraphs.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
byId("start").addEventListener("click", start);
byId("decline").addEventListener("click", () => showIntro("Nothing is recorded", "You can close this page."));
for (const key of ["space", "s", "u", "q"]) {
  byId(key).addEventListener("click", ({ detail }) => {
    if (detail) byId(key).blur(); // after a click, the space bar starts a take instead of pressing the button again
    press(key);
  });
}
byId("cameras").addEventListener("change", () => {
  camera.stop();
  start();
});
document.addEventListener("keydown", onKeyDown);
window.addEventListener("resize", draw);
showIntro("Before you are recorded");
preloadExamples([...facts.classes]);
