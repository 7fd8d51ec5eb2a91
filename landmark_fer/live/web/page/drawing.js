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

// Sizes of the bars next to a face in CSS pixels, on canvases narrower than SMALL and on others.
const SMALL = 480;
const BARS = {
  small: { width: 116, row: 15, name: 64, font: 10.5 },
  large: { width: 148, row: 20, name: 72, font: 12 },
};

// Draws the faces of a response, or clears the canvas if there is no response.
// `options` holds a boolean for `mirror` and for each element that can be drawn; `colourOf` returns a face's colour.
export function drawResponse(canvas, response, facts, options, colourOf = (face) => facts.colours[face.expression]) {
  const unit = fitToScreen(canvas);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (!response?.width) return;
  const area = imageArea(canvas, response, options.mirror);
  const faces = response.faces.map((face) => ({ ...face, frame: frameOf(face.box, area), colour: colourOf(face) }));
  const occupied = faces.map((face) => face.frame);
  const scene = { area, facts, unit, occupied };
  pen.save();
  pen.beginPath();
  pen.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
  pen.clip();
  for (const [name, draw] of Object.entries(ELEMENTS)) {
    if (options[name]) faces.forEach((face) => draw(pen, face, scene));
  }
  if (!faces.length && options.label) drawText(pen, "no face", area.left + 10 * unit, area.bottom - 40 * unit, "#000000", scene);
  pen.restore();
}

// Sets the canvas's resolution to the screen's, and returns the number of its pixels in a CSS pixel.
export function fitToScreen(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return ratio;
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export function predictionText(face, facts) {
  if (face.expression !== facts.uncertain) return `${face.expression} ${percent(face.confidence)}`;
  return `${facts.uncertain} (${face.likeliest} ${percent(face.confidence)})`;
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

function drawPrediction(pen, face, scene) {
  const text = `${face.track_id}  ${predictionText(face, scene.facts)}`;
  drawText(pen, text, face.frame.left - 1.25 * scene.unit, face.frame.top - 30 * scene.unit, face.colour, scene);
}

// Draws text on a coloured background, moved inside the image.
function drawText(pen, text, left, top, colour, { area, unit, occupied }) {
  pen.font = `600 ${15 * unit}px ${FONT}`;
  const [width, height] = [pen.measureText(text).width + 18 * unit, 28 * unit];
  const x = Math.max(area.left, Math.min(left, area.right - width));
  const y = Math.max(area.top, Math.min(top, area.bottom - height));
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(x, y, width, height, 6 * unit);
  pen.fill();
  pen.fillStyle = textColourOn(colour);
  pen.textBaseline = "middle";
  pen.fillText(text, x + 9 * unit, y + height / 2 + unit);
  occupied.push({ left: x, top: y, width, height });
}

function textColourOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 110 ? "#000000" : "#ffffff";
}

// Draws the probabilities next to a face, if there is room.
function drawBars(pen, face, { area, facts, unit, occupied }) {
  const sizes = pen.canvas.width < SMALL * unit ? BARS.small : BARS.large;
  const panel = { width: sizes.width * unit, height: (sizes.row * facts.classes.length + 12) * unit };
  const spot = freeSpot(face.frame, panel, occupied, area, 8 * unit);
  if (!spot) return;
  occupied.push({ ...spot, ...panel });
  pen.fillStyle = "rgb(11 14 18 / 72%)";
  pen.beginPath();
  pen.roundRect(spot.left, spot.top, panel.width, panel.height, 8 * unit);
  pen.fill();
  pen.textBaseline = "middle";
  facts.classes.forEach((name, row) => {
    const middle = spot.top + (6 + sizes.row * (row + 0.5)) * unit;
    const [left, length] = [spot.left + sizes.name * unit, (sizes.width - sizes.name - 9) * unit];
    pen.font = `${name === face.likeliest ? 600 : 400} ${sizes.font * unit}px ${FONT}`;
    pen.fillStyle = name === face.likeliest ? "#ffffff" : "#c9d1da";
    pen.fillText(name, spot.left + 9 * unit, middle);
    pen.fillStyle = "rgb(255 255 255 / 16%)";
    pen.fillRect(left, middle - 4 * unit, length, 8 * unit);
    pen.fillStyle = facts.colours[name];
    pen.fillRect(left, middle - 4 * unit, length * face.probabilities[name], 8 * unit);
  });
}

// Returns a place for a panel next to a face or below it that covers nothing; null if there is none.
function freeSpot(frame, panel, occupied, area, gap) {
  const clamp = (value, least, most) => Math.max(least, Math.min(value, most));
  const left = clamp(frame.left, area.left + gap, area.right - panel.width - gap);
  const top = clamp(frame.top, area.top + gap, area.bottom - panel.height - gap);
  const spots = [
    { left: frame.left + frame.width + gap, top },
    { left: frame.left - panel.width - gap, top },
    { left, top: frame.top + frame.height + 2 * gap }, // the chin can lie below the box
  ];
  return spots.find((spot) => contains(area, spot, panel) && !occupied.some((other) => overlap(spot, panel, other))) ?? null;
}

function contains(area, { left, top }, { width, height }) {
  return left >= area.left && left + width <= area.right && top >= area.top && top + height <= area.bottom;
}

function overlap({ left, top }, { width, height }, other) {
  return left < other.left + other.width && other.left < left + width
    && top < other.top + other.height && other.top < top + height;
}
