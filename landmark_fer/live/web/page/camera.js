// The visitor's own camera: sends one frame at a time, the next when the response has arrived.
// If responses are slow, the page shows the frame that was sent instead of the video, so that boxes fit the faces.

const LONGER_SIDE = 640;
const QUALITY = 0.85; // of JPEG frames that are only recognized
const MIN_INTERVAL_MS = 1000 / 30; // between two frames
const SLOW_MS = 120; // mean delay above which the sent frame is shown,
const FAST_MS = 80; // and below which the video is shown again

const CAMERA_ERRORS = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser's address bar, then start again.",
  NotFoundError: "No camera was found. Plug one in, then start again.",
  NotReadableError: "The camera did not open. Is another program using it?",
};

export class Camera {
  constructor(video, canvas, { onResponse, onError, onOpen = () => {}, address = "/v1/camera", quality = QUALITY }) {
    Object.assign(this, { video, canvas, onResponse, onError, onOpen, address, quality });
    Object.assign(this, { running: false, attempt: 0, sentAt: 0, inFlight: false });
    this.frame = document.createElement("canvas");
  }

  // Returns whether the camera runs; it does not if it was stopped while the browser asked for permission.
  async start(deviceId) {
    const attempt = ++this.attempt;
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("Browsers allow cameras only on https:// pages and on localhost; open this page in one of these ways.");
    }
    const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
    const device = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...device }, audio: false });
    } catch (error) {
      if (attempt !== this.attempt) return false;
      throw new Error(CAMERA_ERRORS[error.name] ?? `The camera did not open (${error.name}).`);
    }
    if (attempt !== this.attempt) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    Object.assign(this, { stream, running: true, delay: 0 });
    this.video.srcObject = stream;
    this.video.play().catch(() => {}); // rejected if the camera is stopped at once
    stream.getVideoTracks()[0].addEventListener("ended", () => this.fail("The camera was disconnected."));
    this.connect();
    return true;
  }

  stop() {
    this.attempt += 1;
    this.running = false;
    this.socket?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    this.canvas.hidden = true;
  }

  // Sends a text message.
  send(text) {
    if (this.running && this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  fail(message) {
    if (!this.running) return;
    this.stop();
    this.onError(message);
  }

  connect() {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}${this.address}`);
    Object.assign(this, { socket, inFlight: false });
    socket.addEventListener("open", () => {
      this.onOpen();
      this.scheduleFrame();
    });
    socket.addEventListener("message", ({ data }) => this.receive(JSON.parse(data)));
    socket.addEventListener("close", ({ reason }) => {
      if (socket === this.socket) this.fail(reason ? `The server ended the session: ${reason}.` : "The server cannot be reached.");
    });
  }

  receive(response) {
    this.inFlight = false;
    if (!this.running) return;
    const delay = performance.now() - this.sentAt;
    this.delay = this.delay ? 0.8 * this.delay + 0.2 * delay : delay;
    this.showFrameIfSlow();
    this.onResponse(response, delay);
    this.scheduleFrame();
  }

  showFrameIfSlow() {
    if (this.delay > SLOW_MS) this.canvas.hidden = false;
    else if (this.delay < FAST_MS) this.canvas.hidden = true;
    if (this.canvas.hidden) return;
    const { width, height } = this.frame;
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").drawImage(this.frame, 0, 0);
  }

  scheduleFrame() {
    if (!this.running) return;
    const wait = this.sentAt + MIN_INTERVAL_MS - performance.now();
    setTimeout(() => {
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(() => this.sendFrame());
      else requestAnimationFrame(() => this.sendFrame());
    }, Math.max(0, wait - 4));
  }

  sendFrame() {
    if (!this.running || this.inFlight || this.socket.readyState !== WebSocket.OPEN) return;
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) {
      this.scheduleFrame();
      return;
    }
    this.inFlight = true;
    this.sentAt = performance.now();
    const factor = Math.min(1, LONGER_SIDE / Math.max(videoWidth, videoHeight));
    this.frame.width = Math.round(videoWidth * factor);
    this.frame.height = Math.round(videoHeight * factor);
    this.frame.getContext("2d").drawImage(this.video, 0, 0, this.frame.width, this.frame.height);
    this.frame.toBlob((jpeg) => this.socket.readyState === WebSocket.OPEN && this.socket.send(jpeg), "image/jpeg", this.quality);
  }
}

export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput");
}
