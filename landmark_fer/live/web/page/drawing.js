// Draws what was seen onto a canvas that lies over the image. Letters stay readable where the image is mirrored.

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

// Sizes of the bars beside a face, in CSS pixels, on images that are narrower than SMALL and on others.
const SMALL = 480;
const BARS = {
  small: { width: 116, row: 15, name: 64, letters: 10.5 },
  large: { width: 148, row: 20, name: 72, letters: 12 },
};

export function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 110 ? "#000000" : "#ffffff";
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export function words(face, facts) {
  if (face.expression !== facts.uncertain) return `${face.expression} ${percent(face.confidence)}`;
  return `${facts.uncertain} (${face.likeliest} ${percent(face.confidence)})`;
}

// How image pixels lie on the canvas: as large as fits, in the middle, mirrored or not.
export function placing(canvas, response, mirror) {
  const scale = Math.min(canvas.width / response.width, canvas.height / response.height);
  const left = (canvas.width - scale * response.width) / 2;
  const top = (canvas.height - scale * response.height) / 2;
  const across = (x) => left + scale * (mirror ? response.width - x : x);
  return { scale, left, top, right: left + scale * response.width, bottom: top + scale * response.height,
    x: across, y: (y) => top + scale * y };
}

export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return ratio;
}

export function drawResponse(canvas, response, facts, view) {
  drawOver(canvas, response, view, (pen, place, unit) => {
    const frames = drawFaces(pen, response.faces, (face) => facts.colours[face.expression], place, facts, view, unit);
    const taken = [...frames, ...response.faces.map((face, index) => drawWords(pen, face, frames[index], place, facts, unit))];
    if (view.bars) response.faces.forEach((face, index) => drawBars(pen, face, frames[index], taken, place, facts, unit));
    if (!response.faces.length) drawLabel(pen, "no face", place.left + 10 * unit, place.bottom - 40 * unit, "#000000", place, unit);
  });
}

// Clears the canvas, then draws within the image; nothing where there is none.
export function drawOver(canvas, response, view, draw) {
  const unit = fit(canvas);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (!response?.width) return;
  const place = placing(canvas, response, view.mirror);
  pen.save();
  pen.beginPath();
  pen.rect(place.left, place.top, place.right - place.left, place.bottom - place.top);
  pen.clip();
  draw(pen, place, unit);
  pen.restore();
}

// Returns where the faces' boxes are on the canvas.
export function drawFaces(pen, faces, colourOf, place, facts, view, unit) {
  const frames = faces.map((face) => frameOf(face, place));
  faces.forEach((face, index) => drawFace(pen, face, frames[index], colourOf(face), place, facts, view, unit));
  return frames;
}

function frameOf(face, place) {
  const edges = [place.x(face.box.x), place.x(face.box.x + face.box.width)];
  const left = Math.min(...edges);
  return { left, top: place.y(face.box.y), width: Math.max(...edges) - left, height: place.scale * face.box.height };
}

function drawFace(pen, face, frame, colour, place, facts, view, unit) {
  outline(pen, colour, 2.5 * unit, () => {
    pen.beginPath();
    pen.roundRect(frame.left, frame.top, frame.width, frame.height, 6 * unit);
  });
  if (!view.landmarks) return;
  // A landmark names a pixel; its middle lies half a pixel further.
  const points = face.landmarks.map(([x, y]) => [place.x(x + 0.5), place.y(y + 0.5)]);
  const small = Math.min(1, frame.width / (170 * unit));
  outline(pen, colour, 1.4 * small * unit, () => {
    pen.beginPath();
    for (const { points: members, closed } of facts.groups) {
      members.forEach((point, at) => pen[at ? "lineTo" : "moveTo"](...points[point]));
      if (closed) pen.closePath();
    }
  });
  pen.fillStyle = "#ffffff";
  for (const [x, y] of points) {
    pen.beginPath();
    pen.arc(x, y, 1.9 * small * unit, 0, 2 * Math.PI);
    pen.fill();
  }
}

// A dark line under the coloured one keeps it visible on skin and on white alike.
function outline(pen, colour, width, path) {
  path();
  pen.lineJoin = "round";
  pen.strokeStyle = "rgb(0 0 0 / 45%)";
  pen.lineWidth = 1.9 * width;
  pen.stroke();
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

// Returns the rectangle of the words.
function drawWords(pen, face, frame, place, facts, unit) {
  const text = `${face.track_id}  ${words(face, facts)}`;
  return drawLabel(pen, text, frame.left - 1.25 * unit, frame.top - 30 * unit, facts.colours[face.expression], place, unit);
}

function drawLabel(pen, text, left, top, colour, place, unit) {
  pen.font = `600 ${15 * unit}px ${FONT}`;
  const [width, height] = [pen.measureText(text).width + 18 * unit, 28 * unit];
  const x = Math.max(place.left, Math.min(left, place.right - width));
  const y = Math.max(place.top, Math.min(top, place.bottom - height));
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(x, y, width, height, 6 * unit);
  pen.fill();
  pen.fillStyle = inkOn(colour);
  pen.textBaseline = "middle";
  pen.fillText(text, x + 9 * unit, y + height / 2 + unit);
  return { left: x, top: y, width, height };
}

// Beside the face or below it, where no face, no words and no other bars are covered; nowhere if there is no room.
function freeSpot(frame, size, taken, place, gap) {
  const within = (at, least, most) => Math.max(least, Math.min(at, most));
  const left = within(frame.left, place.left + gap, place.right - size.width - gap);
  const top = within(frame.top, place.top + gap, place.bottom - size.height - gap);
  const spots = [
    { left: frame.left + frame.width + gap, top },
    { left: frame.left - size.width - gap, top },
    { left, top: frame.top + frame.height + 2 * gap }, // a chin may lie under the box
  ];
  return spots.find((spot) => contains(place, spot, size) && !taken.some((other) => overlap(spot, size, other))) ?? null;
}

function contains(place, { left, top }, { width, height }) {
  return left >= place.left && left + width <= place.right && top >= place.top && top + height <= place.bottom;
}

function overlap({ left, top }, { width, height }, other) {
  return left < other.left + other.width && other.left < left + width
    && top < other.top + other.height && other.top < top + height;
}

// Where there is room; adds the rectangle to what is taken.
function drawBars(pen, face, frame, taken, place, facts, unit) {
  const table = pen.canvas.width < SMALL * unit ? BARS.small : BARS.large;
  const size = { width: table.width * unit, height: (table.row * facts.classes.length + 12) * unit };
  const spot = freeSpot(frame, size, taken, place, 8 * unit);
  if (!spot) return;
  taken.push({ ...spot, ...size });
  pen.fillStyle = "rgb(11 14 18 / 72%)";
  pen.beginPath();
  pen.roundRect(spot.left, spot.top, size.width, size.height, 8 * unit);
  pen.fill();
  pen.textBaseline = "middle";
  facts.classes.forEach((name, row) => {
    const middle = spot.top + (6 + table.row * (row + 0.5)) * unit;
    const [left, room] = [spot.left + table.name * unit, (table.width - table.name - 9) * unit];
    pen.font = `${name === face.likeliest ? 600 : 400} ${table.letters * unit}px ${FONT}`;
    pen.fillStyle = name === face.likeliest ? "#ffffff" : "#c9d1da";
    pen.fillText(name, spot.left + 9 * unit, middle);
    pen.fillStyle = "rgb(255 255 255 / 16%)";
    pen.fillRect(left, middle - 4 * unit, room, 8 * unit);
    pen.fillStyle = facts.colours[name];
    pen.fillRect(left, middle - 4 * unit, room * face.probabilities[name], 8 * unit);
  });
}
