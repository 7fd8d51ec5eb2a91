// Wires the page of collect: agreeing, sitting before the camera, what is asked for, keys, leaving.

import { Camera, listCameras } from "/page/camera.js";
import { drawFaces, drawOver } from "/page/drawing.js";
import { Kept } from "/page/kept.js";

const QUALITY = 0.92; // of frames that become training faces
const RATE_MS = 2000; // over which frames are counted
const VIEW = { mirror: true, landmarks: true };
const COLOURS = { chosen: "#f5f5f5", recording: "#de2d26", other: "#6e6e6e" };
const KEYS = { " ": "space", s: "s", u: "u", Backspace: "u", q: "q", Escape: "q" };

const at = (id) => document.getElementById(id);
const facts = await (await fetch("/page/facts.json")).json();
const arrivals = [];
const state = { response: null, said: "" };

const kept = new Kept(facts, { before: () => camera.stop(), after: (sentence) => wait("Deleted", sentence) });
const camera = new Camera(at("video"), at("image"), {
  address: "/v1/sitting",
  quality: QUALITY,
  onOpen: () => camera.say("agree"),
  onResponse: take,
  onTrouble: (sentence) => wait("Not recording", sentence),
});

function take(response) {
  if (response.ended) {
    camera.stop();
    wait("Not recording", `${response.ended[0].toUpperCase()}${response.ended.slice(1)}.`);
    return;
  }
  count();
  if (response.error) {
    set("trouble", response.error);
    return;
  }
  state.response = response;
  at("main").style.setProperty("--shape", response.width / response.height);
  kept.show(response.kept);
  showAsk(response);
  showStage(response);
  draw();
}

function showAsk({ ask, n_left: left }) {
  const name = ask?.expression ?? "";
  if (at("asked").textContent !== (name || "Thank you")) {
    at("asked").textContent = name || "Thank you";
    at("example").hidden = at("swatch").hidden = !name;
    if (name) Object.assign(at("example"), { src: `/examples/${name}.jpg`, alt: `An example: a face that shows ${name}` });
    at("swatch").style.background = facts.colours[name] ?? "";
  }
  at("hint").textContent = name ? facts.hints[name] : "All takes are there. Leave, or undo the last one; a larger --rounds asks for more.";
  at("round").textContent = name ? `round ${ask.round}; ${left} to go` : "";
  at("reason").textContent = ask?.reason ? `Asked for because ${ask.reason}.` : "";
}

function showStage({ stage, left_s: left, share, waits, message, faces }) {
  const recording = stage === "recording";
  at("stage").classList.toggle("recording", recording);
  at("number").textContent = stage === "countdown" ? Math.ceil(left) || 1 : "";
  at("meter").hidden = !recording;
  at("share").style.width = `${100 * share}%`;
  const several = faces.length > 1 ? "several faces: the bright one is recorded" : "";
  const trouble = faces.length ? several : "no face is seen: come closer, more light";
  set("trouble", stage === "done" ? "" : trouble);
  set("message", stage === "countdown" || recording ? "" : message);
  const calls = { ready: waits ? "Begin when you are ready" : "get ready", countdown: "", recording: "recording: hold it" };
  set("call", calls[stage] ?? "");
  at("space-text").textContent = waits ? "Begin" : "Wait";
  at("space").disabled = at("s").disabled = stage === "done";
  say();
}

// A screen reader hears each stage once.
function say() {
  const { stage, ask, message } = state.response;
  const text = { ready: `${message}. Next: ${ask?.expression}, ${facts.hints[ask?.expression]}`, done: "All takes are there." }[stage] ?? stage;
  if (text === state.said) return;
  state.said = text;
  at("spoken").textContent = text;
}

function set(id, text) {
  at(id).textContent = text;
  at(id).hidden = !text;
}

function draw() {
  const { response } = state;
  const colourOf = (face) => (face.chosen ? COLOURS[response.stage === "recording" ? "recording" : "chosen"] : COLOURS.other);
  drawOver(at("overlay"), response, VIEW, (pen, place, unit) => drawFaces(pen, response.faces, colourOf, place, facts, VIEW, unit));
}

function count() {
  const now = performance.now();
  arrivals.push(now);
  while (arrivals[0] < now - RATE_MS) arrivals.shift();
  const rate = arrivals.length < 2 ? 0 : (1000 * (arrivals.length - 1)) / (now - arrivals[0]);
  const slow = arrivals.length > 3 && rate < 5;
  status(`${rate.toFixed(rate < 9.5 ? 1 : 0)} images/s${slow ? "; so slowly, takes last longer" : ""}`, slow ? "troubled" : "running");
}

function status(text, kind) {
  at("status-text").textContent = text;
  at("status").className = `status ${kind}`;
}

// Nobody sits before the camera: say why, what is kept, and how to begin.
async function wait(title, news = "") {
  Object.assign(state, { response: null, said: "" });
  arrivals.length = 0;
  at("before-title").textContent = title;
  set("news", news);
  const { agreed } = await kept.ask();
  set("agreed", agreed ? `${facts.subject} agreed to be recorded on ${agreed.slice(0, 10)}.` : "");
  at("notice").open = !agreed;
  at("start").textContent = agreed ? "Start the camera" : "I agree, start the camera";
  at("decline").hidden = Boolean(agreed);
  seat(false);
}

function seat(sitting) {
  at("main").classList.toggle("waiting", !sitting);
  at("before").hidden = sitting;
  at("asking").hidden = at("looking").hidden = !sitting;
}

async function start() {
  at("start").disabled = true;
  status("starting", "");
  try {
    if (await camera.start(at("cameras").value)) {
      seat(true);
      await offerCameras();
    }
  } catch (error) {
    wait("Not recording", error.message);
  } finally {
    at("start").disabled = false;
  }
}

async function offerCameras() {
  const cameras = await listCameras();
  const chosen = camera.stream?.getVideoTracks()[0]?.getSettings().deviceId;
  at("cameras").replaceChildren(...cameras.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === chosen)));
  at("cameras").hidden = cameras.length < 2;
}

function press(key) {
  if (!camera.running) return;
  if (key !== "q") {
    camera.say(key);
    return;
  }
  camera.stop();
  wait("You left", "Every whole take is kept. Start the camera to go on where you left, now or another day.");
}

// Has the server draw the examples, one after another, while people read.
function prepare(names) {
  const image = new Image();
  image.addEventListener("load", () => prepare(names.slice(1)));
  if (names.length) image.src = `/examples/${names[0]}.jpg`;
}

function begin() {
  at("who").textContent = `${facts.subject}, version ${facts.version}`;
  at("paragraphs").replaceChildren(...facts.paragraphs.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  at("start").addEventListener("click", start);
  at("decline").addEventListener("click", () => wait("Nothing is recorded", "You can close this page."));
  for (const key of ["space", "s", "u", "q"]) {
    at(key).addEventListener("click", ({ detail }) => {
      if (detail) at(key).blur(); // after a click, space begins again, and does not press what was clicked
      press(key);
    });
  }
  at("cameras").addEventListener("change", () => {
    camera.stop();
    start();
  });
  document.addEventListener("keydown", (event) => {
    const key = KEYS[event.key];
    const own = event.target.closest("button, select, summary, input, a");
    if (!key || event.repeat || event.ctrlKey || event.metaKey || event.altKey || (own && key === "space")) return;
    event.preventDefault();
    press(key);
  });
  window.addEventListener("resize", draw);
  wait("Before you are recorded");
  prepare([...facts.classes]);
}

begin();
