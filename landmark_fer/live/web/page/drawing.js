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
const ROW = 18; // height of a bar's row and length of a bar in CSS pixels
const BAR = 44;
const MAX_DRAWS = 25; // of a panel in the same place, after which one that shows more is looked for

const lastPanels = new Map(); // by track id, so that panels do not jump

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
  for (const track of lastPanels.keys()) if (!tracks.has(track)) lastPanels.delete(track);
  const faces = response.faces.map((face) => ({ ...face, frame: frameOf(face.box, area), colour: colourOf(face) }));
  const occupied = faces.map((face) => face.frame);
  const reserved = covered && !covered.hidden ? placeOf(covered, unit) : null;
  if (reserved) occupied.push(reserved);
  const scene = { area, facts, unit, occupied, shares: sharesOf(faces, area) };
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

// Writes the prediction above the face; shortened or below it where that would cover another face or label.
function drawPrediction(pen, face, scene) {
  const { unit, facts, occupied, area } = scene;
  const { left, top, height } = face.frame;
  const others = occupied.filter((other) => other !== face.frame);
  pen.font = `600 ${LABEL_SIZE * unit}px ${FONT}`;
  const tops = [top - 30 * unit, top + height + 2 * unit];
  const places = [predictionText(face, facts), face.expression].flatMap((text) =>
    tops.map((start) => textPlace(pen, `${face.track_id}  ${text}`, left - 1.25 * unit, start, scene)));
  const place = places.find((each) => each.width <= area.right - area.left && isFree(each, others)) ?? places[2];
  writeText(pen, place, face.colour, unit);
  occupied.push(place);
}

function drawText(pen, text, left, top, colour, scene) {
  pen.font = `600 ${LABEL_SIZE * scene.unit}px ${FONT}`;
  writeText(pen, textPlace(pen, text, left, top, scene), colour, scene.unit);
}

// The rectangle of a text with its background, moved inside the image.
function textPlace(pen, text, left, top, { area, unit }) {
  const [width, height] = [pen.measureText(text).width + 18 * unit, 28 * unit];
  const x = Math.max(area.left, Math.min(left, area.right - width));
  return { text, left: x, top: Math.max(area.top, Math.min(top, area.bottom - height)), width, height };
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

// Draws the probabilities next to a face, as many of them as there is room for.
function drawBars(pen, face, { area, facts, unit, occupied, shares }) {
  pen.font = `600 ${FONT_SIZE * unit}px ${FONT}`;
  const names = Math.max(...facts.classes.map((name) => pen.measureText(name).width));
  const width = names + (BAR + 27) * unit;
  const panels = BAR_COUNTS.map((count) => ({ count, width, height: (ROW * Math.min(count, facts.classes.length) + 12) * unit }));
  const fitting = panels.filter((each) => each.width * each.height <= (shares.get(face) ?? 0));
  const last = lastPanels.get(face.track_id);
  const same = fitting.filter((each) => last && last.draws < MAX_DRAWS && each.count === last.count);
  for (const panel of [...same, ...fitting]) {
    const spots = spotsOf(face.frame, panel, area, 8 * unit);
    const order = last ? [last.index, ...spots.keys()] : [...spots.keys()];
    const index = order.find((each) => contains(area, spots[each], panel) && isFree({ ...spots[each], ...panel }, occupied));
    if (index === undefined) continue;
    const place = { ...spots[index], ...panel };
    occupied.push(place);
    drawPanel(pen, face, { ...place, names }, facts, unit);
    const steady = last?.index === index && last.count === panel.count;
    lastPanels.set(face.track_id, { index, count: panel.count, draws: steady && last.draws < MAX_DRAWS ? last.draws + 1 : 0 });
    return;
  }
}

function drawPanel(pen, face, { left, top, width, height, names, count }, facts, unit) {
  pen.fillStyle = "rgb(11 14 18 / 80%)";
  pen.beginPath();
  pen.roundRect(left, top, width, height, 8 * unit);
  pen.fill();
  pen.textBaseline = "middle";
  const { probabilities } = face;
  const named = namedIn(face, facts);
  const largest = [...facts.classes].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, count);
  (largest.length < facts.classes.length ? largest : facts.classes).forEach((name, row) => {
    const middle = top + (6 + ROW * (row + 0.5)) * unit;
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

function isFree(place, occupied) {
  return !occupied.some((other) => overlap(place, place, other));
}

function contains(area, { left, top }, { width, height }) {
  return left >= area.left && left + width <= area.right && top >= area.top && top + height <= area.bottom;
}

function overlap({ left, top }, { width, height }, other) {
  return left < other.left + other.width && other.left < left + width
    && top < other.top + other.height && other.top < top + height;
}
