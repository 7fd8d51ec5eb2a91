// The server's own source: requests the next frame after drawing the last, so that no frames queue up.

import { capitalized } from "/page/status.js";

export class Watch {
  // `request` returns the message that asks for the next frame.
  constructor(canvas, { onResponse, onError, request }) {
    Object.assign(this, { canvas, onResponse, onError, request, running: false });
  }

  // Returns true, as `Camera.start` does when the camera runs.
  async start() {
    this.running = true;
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/watch`);
    socket.binaryType = "blob";
    Object.assign(this, { socket, response: null });
    socket.addEventListener("open", () => this.running && this.requestFrame());
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.response = JSON.parse(data);
      else this.show(data, this.response);
    });
    socket.addEventListener("close", ({ reason }) => {
      if (socket !== this.socket || !this.running || this.response?.ended) return; // `show` reports the end
      this.running = false;
      if (document.hidden) { // it requests no frames, and the server ends the session
        document.addEventListener("visibilitychange", () => this.socket === socket && this.start(), { once: true });
        return;
      }
      this.onError(reason ? `The server ended the session: ${reason}.` : "The server cannot be reached.");
    });
    return true;
  }

  stop() {
    this.running = false;
    this.socket?.close();
    this.socket = null;
  }

  requestFrame() {
    this.socket.send(this.request());
  }

  async show(jpeg, response) {
    if (jpeg.size) {
      const image = await createImageBitmap(jpeg);
      if (!this.running) return;
      Object.assign(this.canvas, { width: image.width, height: image.height });
      this.canvas.getContext("2d").drawImage(image, 0, 0);
      image.close();
    }
    if (!this.running) return;
    this.onResponse(response, response.milliseconds);
    if (response.ended) {
      this.running = false;
      this.onError(`${capitalized(response.ended)}.`, { ended: response.width > 0 });
      return;
    }
    requestAnimationFrame(() => this.socket?.readyState === WebSocket.OPEN && this.requestFrame());
  }
}
