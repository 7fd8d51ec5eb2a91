// Draws the overlay of a response onto a canvas over the image. Text stays readable when the image is mirrored.

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

// The overlay's elements by the names of their options, in drawing order. A new element takes one function and one row
// here, and one row in the server's table of overlay options.
const ELEMENTS = {
  box: drawBox,
  landmarks: drawLandmarks,
  label: drawPrediction,
  bars: drawBars,
};

const FONT_SIZE = 13; // of panels, in CSS pixels; labels have LABEL_SIZE. Smaller text is not drawn.
const LABEL_SIZE = 15;
const MAX_SHARE = 0.2; // of the image, which all panels cover together
const MAX_PANELS = 6; // in a crowd, those of the largest faces
const BAR_COUNTS = [Infinity, 5, 3, 2]; // the largest probabilities, where there is no room for all
const LABEL_SIDES = { above: 0, below: 0.15, right: 0.3, left: 0.35 }; // costs of places, as in drawing/overlay.py:
const COST_OF_OTHERS = 3; // of a label on another face or label, where that on its own face is 1
const COST_OF_SHORT = 0.5; // of the short text
const COST_OF_CUT = 1; // of a text that is wider than the image
const STEADY = 0.1; // how much a label's last place and text are preferred
const ROW = 18; // height of a bar's row and length of a bar in CSS pixels
const BAR = 44;
const MAX_DRAWS = 25; // of a panel in the same place, after which one that shows more is looked for
const MUCH_MORE = 2; // forms by which a panel elsewhere must show more, as in drawing/panel_places.py
const ROOM_TO_MOVE = 0.1; // by which a face can move before its new panel must be elsewhere, in widths of its box

const lastPanels = new Map(); // by track id, so that panels and labels do not jump
const lastLabels = new Map();

// Draws the faces of a response, or clears the canvas if there is no response.
// `options` holds a boolean for `mirror` and for each element that can be drawn. `colourOf` returns a face's colour;
// `covered` is an element over the canvas, which text and panels avoid while it is shown.
export function drawResponse(canvas, response, facts, options, { colourOf = (face) => facts.colours[face.expression], covered } = {}) {
  const unit = fitToScreen(canvas);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (!response?.width) return;
  const area = imageArea(canvas, response, options.mirror);
  const tracks = new Set(response.faces.map((face) => face.track_id));
  for (const last of [lastPanels, lastLabels]) for (const track of last.keys()) if (!tracks.has(track)) last.delete(track);
  const faces = response.faces.map((face) => ({ ...face, frame: frameOf(face.box, area), colour: colourOf(face) }));
  const occupied = faces.map((face) => face.frame);
  const reserved = covered && !covered.hidden ? placeOf(covered, unit) : null;
  if (reserved) occupied.push(reserved);
  const scene = { area, facts, unit, occupied, frames: faces.map((face) => face.frame), shares: sharesOf(faces, area), numbered: faces.length > 1 };
  pen.save();
  pen.beginPath();
  pen.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
  pen.clip();
  for (const [name, draw] of Object.entries(ELEMENTS)) {
    if (options[name]) faces.forEach((face) => draw(pen, face, scene));
  }
  if (!faces.length && options.label) drawNoFace(pen, scene, reserved);
  pen.restore();
}

function drawNoFace(pen, scene, reserved) {
  const { area, unit } = scene;
  const lift = reserved && reserved.top > (area.top + area.bottom) / 2 ? area.bottom - reserved.top : 0;
  drawText(pen, "no face", area.left + 10 * unit, area.bottom - lift - 40 * unit, "#000000", scene);
}

function placeOf({ offsetLeft, offsetTop, offsetWidth, offsetHeight }, unit) {
  return { left: offsetLeft * unit, top: offsetTop * unit, width: offsetWidth * unit, height: offsetHeight * unit };
}

// Sets the canvas's resolution to the screen's, and returns the number of its pixels in a CSS pixel.
export function fitToScreen(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return ratio;
}

export function percent(share) {
  return `${Math.round(100 * share)}%`;
}

export function predictionText(face, facts) {
  if (face.reason) return face.label;
  if (face.expression !== facts.uncertain) return `${face.label} ${percent(face.confidence)}`;
  return `${facts.uncertain} (${face.likeliest} ${percent(face.confidence)})`;
}

// The expressions that a face's label names, or the likeliest if it is uncertain; none if the face cannot be read.
export function namedIn(face, facts) {
  if (face.reason) return [];
  return face.expression === facts.uncertain ? [face.likeliest] : face.label.split(" or ");
}

// The area of the image on the canvas (as large as fits, centred), and functions from image to canvas coordinates.
function imageArea(canvas, response, mirror) {
  const scale = Math.min(canvas.width / response.width, canvas.height / response.height);
  const left = (canvas.width - scale * response.width) / 2;
  const top = (canvas.height - scale * response.height) / 2;
  return {
    scale, left, top, right: left + scale * response.width, bottom: top + scale * response.height,
    x: (x) => left + scale * (mirror ? response.width - x : x), y: (y) => top + scale * y,
  };
}

function frameOf(box, area) {
  const edges = [area.x(box.x), area.x(box.x + box.width)];
  const left = Math.min(...edges);
  return { left, top: area.y(box.y), width: Math.max(...edges) - left, height: area.scale * box.height };
}

function drawBox(pen, { frame, colour }, { unit }) {
  strokeOutlined(pen, colour, 2.5 * unit, () => {
    pen.beginPath();
    pen.roundRect(frame.left, frame.top, frame.width, frame.height, 6 * unit);
  });
}

function drawLandmarks(pen, { landmarks, frame, colour }, { area, facts, unit }) {
  const points = landmarks.map(([x, y]) => [area.x(x + 0.5), area.y(y + 0.5)]); // from pixel centres to edges
  const size = Math.min(1, frame.width / (170 * unit));
  strokeOutlined(pen, colour, 1.4 * size * unit, () => {
    pen.beginPath();
    for (const { points: members, closed } of facts.groups) {
      members.forEach((point, index) => pen[index ? "lineTo" : "moveTo"](...points[point]));
      if (closed) pen.closePath();
    }
  });
  pen.fillStyle = "#ffffff";
  for (const [x, y] of points) {
    pen.beginPath();
    pen.arc(x, y, 1.9 * size * unit, 0, 2 * Math.PI);
    pen.fill();
  }
}

// A dark line under the coloured one keeps it visible on skin and on white.
function strokeOutlined(pen, colour, width, path) {
  path();
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(0 0 0 / 45%)";
  pen.lineWidth = 1.9 * width;
  pen.stroke();
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

// Writes the prediction where it covers least: above the face, below or next to it, with a short text if necessary.
function drawPrediction(pen, face, scene) {
  const { unit, facts, occupied } = scene;
  pen.font = `600 ${LABEL_SIZE * unit}px ${FONT}`;
  const places = [predictionText(face, facts), face.label].flatMap((text, form) =>
    Object.keys(LABEL_SIDES).map((side) => labelPlace(pen, face, { text: `${face.track_id}  ${text}`, form, side }, scene)));
  const place = places.reduce((best, each) => (each.cost < best.cost ? each : best));
  lastLabels.set(face.track_id, place);
  writeText(pen, place, face.colour, unit);
  occupied.push(place);
}

function labelPlace(pen, face, label, scene) {
  const { area, unit, occupied } = scene;
  const { left, top, width, height } = face.frame;
  const chin = Math.max(top + height, ...face.landmarks.map(([, y]) => area.y(y)));
  const own = { ...face.frame, height: chin - top };
  const size = textSize(pen, label.text, unit);
  const [x, y] = {
    above: [left - 1.25 * unit, top - 30 * unit],
    below: [left - 1.25 * unit, chin + 2 * unit],
    right: [left + width + 2 * unit, top],
    left: [left - size.width - 2 * unit, top],
  }[label.side];
  const place = { ...label, ...size, ...moveInside(x, y, size, area) };
  const last = lastLabels.get(face.track_id);
  const covered = occupied.map((other) => (other === face.frame ? sharedArea(place, own) : COST_OF_OTHERS * sharedArea(place, other)));
  place.cost = covered.reduce((sum, each) => sum + each, 0) / (size.width * size.height) + LABEL_SIDES[label.side]
    + COST_OF_SHORT * label.form + COST_OF_CUT * (size.width > area.right - area.left)
    - STEADY * (last?.side === label.side && last.form === label.form);
  return place;
}

function drawText(pen, text, left, top, colour, { area, unit }) {
  pen.font = `600 ${LABEL_SIZE * unit}px ${FONT}`;
  const size = textSize(pen, text, unit);
  writeText(pen, { text, ...size, ...moveInside(left, top, size, area) }, colour, unit);
}

// The size of a text with its background.
function textSize(pen, text, unit) {
  return { width: pen.measureText(text).width + 18 * unit, height: 28 * unit };
}

function moveInside(left, top, { width, height }, area) {
  return { left: Math.max(area.left, Math.min(left, area.right - width)), top: Math.max(area.top, Math.min(top, area.bottom - height)) };
}

function sharedArea(one, other) {
  const across = Math.min(one.left + one.width, other.left + other.width) - Math.max(one.left, other.left);
  const down = Math.min(one.top + one.height, other.top + other.height) - Math.max(one.top, other.top);
  return Math.max(0, across) * Math.max(0, down);
}

function writeText(pen, { text, left, top, width, height }, colour, unit) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(left, top, width, height, 6 * unit);
  pen.fill();
  pen.fillStyle = textColourOn(colour);
  pen.textBaseline = "middle";
  pen.fillText(text, left + 9 * unit, top + height / 2 + unit);
}

function textColourOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 110 ? "#000000" : "#ffffff";
}

// How many pixels the panel of each of the largest faces may cover.
function sharesOf(faces, area) {
  const largest = [...faces].sort((a, b) => b.frame.width * b.frame.height - a.frame.width * a.frame.height).slice(0, MAX_PANELS);
  const share = (MAX_SHARE * (area.right - area.left) * (area.bottom - area.top)) / largest.length;
  return new Map(largest.map((face) => [face, share]));
}

// Draws the probabilities next to a face, as many of them as there is room for, below its number if there are several faces.
// They stay in their place while they fit; now and then, a place for more of them is looked for.
function drawBars(pen, face, { area, facts, unit, occupied, frames, shares, numbered }) {
  pen.font = `600 ${FONT_SIZE * unit}px ${FONT}`;
  const names = Math.max(...facts.classes.map((name) => pen.measureText(name).width));
  const width = names + (BAR + 27) * unit;
  const panels = BAR_COUNTS.map((count, form) =>
    ({ count, form, width, height: (ROW * (Math.min(count, facts.classes.length) + numbered) + 12) * unit }));
  const fitting = panels.filter((each) => each.width * each.height <= (shares.get(face) ?? 0));
  const placesOf = (panel) => spotsOf(face.frame, panel, area, 8 * unit).map(({ left, top }, index) => ({ ...panel, index, ...moveInside(left, top, panel, area) }));
  const last = lastPanels.get(face.track_id);
  const same = fitting.filter((each) => each.form === last?.form).map((each) => placesOf(each)[last.index]).find((place) => isFree(place, occupied));
  // Near its face, and not nearer to another one.
  const isNear = (place) => {
    const distance = distanceOf(place, face.frame);
    return distance <= face.frame.height && frames.every((frame) => distanceOf(place, frame) >= distance);
  };
  // The first place of the fullest panel that is allowed and has room for the face to move, at the last spot if that is free.
  const find = (room, isAllowed) => fitting.flatMap(placesOf)
    .sort((a, b) => a.form - b.form || (b.index === last?.index) - (a.index === last?.index))
    .find((place) => isAllowed(place) && staysFree(place, occupied, area, room));
  const room = ROOM_TO_MOVE * face.frame.width;
  const isMore = ({ form, index }) => form < last.form && (index === last.index || form <= last.form - MUCH_MORE);
  const place = same ? (last.draws >= MAX_DRAWS && find(room, (each) => isMore(each) && isNear(each))) || same
    : find(room, isNear) ?? find(0, isNear) ?? find(0, () => true);
  if (!place) return;
  occupied.push(place);
  drawPanel(pen, face, { ...place, names, numbered }, facts, unit);
  const draws = place === same && last.draws < MAX_DRAWS ? last.draws + 1 : 0;
  lastPanels.set(face.track_id, { index: place.index, form: place.form, draws });
}

function drawPanel(pen, face, { left, top, width, height, names, count, numbered }, facts, unit) {
  pen.fillStyle = "rgb(11 14 18 / 80%)";
  pen.beginPath();
  pen.roundRect(left, top, width, height, 8 * unit);
  pen.fill();
  pen.textBaseline = "middle";
  if (numbered) {
    pen.font = `600 ${FONT_SIZE * unit}px ${FONT}`;
    pen.fillStyle = "#ffffff";
    pen.fillText(`${face.track_id}`, left + 9 * unit, top + (6 + ROW / 2) * unit);
  }
  const { probabilities } = face;
  const named = namedIn(face, facts);
  const largest = [...facts.classes].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, count);
  facts.classes.filter((name) => largest.includes(name)).forEach((name, row) => {
    const middle = top + (6 + ROW * (row + numbered + 0.5)) * unit;
    const start = left + names + 18 * unit;
    pen.font = `${named.includes(name) ? 600 : 400} ${FONT_SIZE * unit}px ${FONT}`;
    pen.fillStyle = named.includes(name) ? "#ffffff" : "#c9d1da";
    pen.fillText(name, left + 9 * unit, middle);
    pen.fillStyle = "rgb(255 255 255 / 16%)";
    pen.fillRect(start, middle - 4 * unit, BAR * unit, 8 * unit);
    pen.fillStyle = facts.colours[named.length ? name : facts.uncertain];
    pen.fillRect(start, middle - 4 * unit, BAR * unit * probabilities[name], 8 * unit);
  });
}

// Returns the places next to a face where a panel may be, in the order of preference.
function spotsOf(frame, panel, area, gap) {
  const clamp = (value, least, most) => Math.max(least, Math.min(value, most));
  const left = clamp(frame.left, area.left + gap, area.right - panel.width - gap);
  const top = clamp(frame.top, area.top + gap, area.bottom - panel.height - gap);
  const below = frame.top + frame.height + 2 * gap; // the chin can lie below the box
  const columns = [frame.left + frame.width + gap, frame.left - panel.width - gap];
  return [
    ...columns.map((x) => ({ left: x, top })),
    { left, top: below },
    { left, top: frame.top - panel.height - 38 * (gap / 8) }, // above the label
    ...columns.flatMap((x) => [area.top + gap, area.bottom - panel.height - gap].map((y) => ({ left: x, top: y }))),
  ];
}

function distanceOf(one, other) {
  const across = Math.max(one.left - other.left - other.width, other.left - one.left - one.width, 0);
  const down = Math.max(one.top - other.top - other.height, other.top - one.top - one.height, 0);
  return Math.hypot(across, down);
}

function isFree(place, occupied) {
  return !occupied.some((other) => overlap(place, place, other));
}

// Whether a place is free, and still so where the area's edges hold it back from moving with its face.
function staysFree(place, occupied, { left, top, right, bottom }, room) {
  return [[0, 0], [room, 0], [-room, 0], [0, room], [0, -room]].every(([x, y]) => {
    const moved = moveInside(place.left, place.top, place, { left: left + x, right: right + x, top: top + y, bottom: bottom + y });
    return isFree({ ...place, ...moved }, occupied);
  });
}

function overlap({ left, top }, { width, height }, other) {
  return left < other.left + other.width && other.left < left + width
    && top < other.top + other.height && other.top < top + height;
}
