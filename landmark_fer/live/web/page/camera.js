// The visitor's own camera: one frame at a time goes to the server, the next when its response is here.
// Where responses take long, the frame that was accepted is shown instead of the moving video, so that boxes sit on faces.

const LONGEST_SIDE = 640;
const QUALITY = 0.85; // of frames that are only looked at
const LEAST_MS = 1000 / 30; // between two frames
const SLOW_MS = 120; // delay above which the image waits for its response,
const QUICK_MS = 80; // and below which it does no longer

const REASONS = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser's address bar, then start again.",
  NotFoundError: "No camera was found. Plug one in, then start again.",
  NotReadableError: "The camera did not open. Is another program using it?",
};

export class Camera {
  constructor(video, image, { onResponse, onTrouble, onOpen = () => {}, address = "/v1/camera", quality = QUALITY }) {
    Object.assign(this, { video, image, onResponse, onTrouble, onOpen, address, quality });
    Object.assign(this, { running: false, attempt: 0, sentAt: 0, inFlight: false });
    this.shrunk = document.createElement("canvas");
  }

  // Returns whether the camera runs: it does not where something else was chosen while the visitor was being asked.
  async start(deviceId) {
    const attempt = ++this.attempt;
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("Browsers show cameras only to https:// pages and to localhost; open this page in one of these ways.");
    }
    const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
    const choice = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, ...choice }, audio: false });
    } catch (error) {
      if (attempt !== this.attempt) return false;
      throw new Error(REASONS[error.name] ?? `The camera did not open (${error.name}).`);
    }
    if (attempt !== this.attempt) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    Object.assign(this, { stream, running: true, delay: 0 });
    this.video.srcObject = stream;
    this.video.play().catch(() => {}); // rejected where it is stopped at once
    stream.getVideoTracks()[0].addEventListener("ended", () => this.fail("The camera went away."));
    this.connect();
    return true;
  }

  stop() {
    this.attempt += 1;
    this.running = false;
    this.socket?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    this.image.hidden = true;
  }

  fail(sentence) {
    if (!this.running) return;
    this.stop();
    this.onTrouble(sentence);
  }

  connect() {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}${this.address}`);
    Object.assign(this, { socket, inFlight: false });
    socket.addEventListener("open", () => {
      this.onOpen();
      this.next();
    });
    socket.addEventListener("message", ({ data }) => this.take(JSON.parse(data)));
    socket.addEventListener("close", ({ reason }) => {
      if (socket === this.socket) this.fail(reason ? `The server ended the visit: ${reason}.` : "The server cannot be reached.");
    });
  }

  take(response) {
    this.inFlight = false;
    if (!this.running) return;
    const delay = performance.now() - this.sentAt;
    this.delay = this.delay ? 0.8 * this.delay + 0.2 * delay : delay;
    this.keepStep();
    this.onResponse(response, delay);
    this.next();
  }

  say(word) {
    if (this.running && this.socket.readyState === WebSocket.OPEN) this.socket.send(word);
  }

  keepStep() {
    if (this.delay > SLOW_MS) this.image.hidden = false;
    else if (this.delay < QUICK_MS) this.image.hidden = true;
    if (this.image.hidden) return;
    const { width, height } = this.shrunk;
    Object.assign(this.image, { width, height });
    this.image.getContext("2d").drawImage(this.shrunk, 0, 0);
  }

  next() {
    if (!this.running) return;
    const wait = this.sentAt + LEAST_MS - performance.now();
    setTimeout(() => {
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(() => this.send());
      else requestAnimationFrame(() => this.send());
    }, Math.max(0, wait - 4));
  }

  send() {
    if (!this.running || this.inFlight || this.socket.readyState !== WebSocket.OPEN) return;
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) {
      this.next();
      return;
    }
    this.inFlight = true;
    this.sentAt = performance.now();
    const factor = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    this.shrunk.width = Math.round(videoWidth * factor);
    this.shrunk.height = Math.round(videoHeight * factor);
    this.shrunk.getContext("2d").drawImage(this.video, 0, 0, this.shrunk.width, this.shrunk.height);
    this.shrunk.toBlob((frame) => this.socket.readyState === WebSocket.OPEN && this.socket.send(frame), "image/jpeg", this.quality);
  }
}

export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput");
}
