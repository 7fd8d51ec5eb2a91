// The server's own source: asks for the next frame when the last is drawn, so that none waits.

export class Watch {
  constructor(canvas, { onResponse, onTrouble }) {
    Object.assign(this, { canvas, onResponse, onTrouble, running: false });
  }

  // Returns that it runs, as the camera does.
  async start() {
    this.running = true;
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/watch`);
    socket.binaryType = "blob";
    Object.assign(this, { socket, response: null, askedAt: performance.now() });
    socket.addEventListener("open", () => this.running && this.ask());
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.response = JSON.parse(data);
      else this.take(data, this.response);
    });
    socket.addEventListener("close", ({ reason }) => {
      if (socket !== this.socket || !this.running) return;
      this.running = false;
      this.onTrouble(reason ? `The server ended the visit: ${reason}.` : "The server cannot be reached.");
    });
    return true;
  }

  stop() {
    this.running = false;
    this.socket?.close();
  }

  ask() {
    this.askedAt = performance.now();
    this.socket.send("next");
  }

  async take(jpeg, response) {
    if (jpeg.size) {
      const image = await createImageBitmap(jpeg);
      if (!this.running) return;
      Object.assign(this.canvas, { width: image.width, height: image.height });
      this.canvas.getContext("2d").drawImage(image, 0, 0);
      image.close();
    }
    if (!this.running) return;
    this.onResponse(response, response.milliseconds);
    if (response.ended) this.onTrouble(sentence(response.ended), true);
    requestAnimationFrame(() => this.socket.readyState === WebSocket.OPEN && this.ask());
  }
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
