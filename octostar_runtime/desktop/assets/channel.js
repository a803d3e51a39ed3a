// The line between desktop and app: a MessagePort offered until the app takes it, then pinged.
class Channel {
  static OFFER_MS = 200;
  static PING_MS = 3000;

  constructor(frame, { onMessage, onState }) {
    this.frame = frame;
    this.onMessage = onMessage;
    this.onState = onState;
    this.state = "waiting";
    this.port = null;
    this.offered = [];
    this.unanswered = 0;
    frame.addEventListener("load", () => this.restart());
    setInterval(() => this.offer(), Channel.OFFER_MS);
    setInterval(() => this.ping(), Channel.PING_MS);
  }

  restart() {
    this.offered.concat(this.port ?? []).forEach((port) => port.close());
    this.offered = [];
    this.port = null;
    this.become("waiting");
  }

  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }

  offer() {
    if (this.port || !this.frame.contentWindow) return;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (event) => this.heard(port1, event.data ?? {});
    this.offered.push(port1);
    // older offers went to a page that was not listening yet
    while (this.offered.length > 20) this.offered.shift().close();
    // the app decides what it listens to; nothing secret travels with the offer
    this.frame.contentWindow.postMessage({ isOctostarMessage: true, channel: true }, "*", [port2]);
  }

  heard(port, message) {
    this.unanswered = 0;
    if (message.call === "pong") return;
    if (message.call === "ack") {
      this.port = port; // an app that takes a later offer speaks on that one from then on
      this.become("connected");
      return;
    }
    this.onMessage(message);
  }

  ping() {
    if (!this.port) return;
    if (this.unanswered >= 2) {
      this.port = null; // offering begins again
      this.become("lost");
      return;
    }
    this.unanswered += 1;
    this.port.postMessage({ to: "ping" });
  }

  send(message) {
    this.port?.postMessage(message);
    return this.port !== null;
  }
}
