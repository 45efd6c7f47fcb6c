// The built server, as its users run it, and what the tests ask it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const binary = process.env.FLUXGATE_SERVER_BINARY;
if (!binary) throw new Error("FLUXGATE_SERVER_BINARY must name the server; see tests/browser/run");

/** A server on a free port over a data directory of its own. */
export class Server {
  constructor(options) {
    this.options = options;
    this.dir = mkdtempSync(join(tmpdir(), "fluxgate-browser-"));
    this.port = 0;
  }

  static async start(...options) {
    const server = new Server(options);
    await server.run();
    return server;
  }

  /** Starts it, again on the same port if it ran before. */
  async run() {
    const words = ["--port", this.port, "--data-dir", join(this.dir, "data"), ...this.options];
    this.process = spawn(binary, ["--log-level", "error", ...words.map(String)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: this.process.stdout });
    const [line] = await Promise.race([once(lines, "line"), once(this.process, "exit")]);
    const port = /^fluxgate listening on http:\/\/localhost:(\d+)$/.exec(line)?.[1];
    if (!port) throw new Error(`the server did not start: ${line}`);
    this.port = Number(port);
    this.url = `http://localhost:${port}`;
  }

  async end(signal) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill(signal);
    await once(this.process, "exit");
  }

  loseData() {
    rmSync(join(this.dir, "data"), { recursive: true });
  }

  async stop() {
    await this.end("SIGTERM");
    rmSync(this.dir, { recursive: true, force: true });
  }

  page(product, more = "") {
    return `${this.url}/waiting-room?productId=${encodeURIComponent(product)}${more}`;
  }

  async get(path) {
    return (await fetch(this.url + path)).json();
  }

  async post(path, body, headers = {}) {
    const answer = await fetch(this.url + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
      redirect: "manual",
    });
    return { status: answer.status, ...(await answer.json()) };
  }

  async init(productId, quantity, more = {}) {
    const made = await this.post("/init", { productId, quantity, ...more });
    if (made.status !== 200 && made.status !== "ok") throw new Error(JSON.stringify(made));
  }

  async change(settings) {
    const answer = await fetch(`${this.url}/admin/settings`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(settings),
    });
    if (answer.status !== 200) throw new Error(await answer.text());
  }

  order(productId, userId, headers = {}) {
    return this.post("/order", { productId, userId },
      { "x-idempotency-key": `key-${userId}`, ...headers });
  }

  /** People in line, in this order, who look again until `stop` is called. */
  async crowd(productId, count) {
    const tickets = [];
    for (let i = 0; i < count; ++i) {
      tickets.push((await this.post("/waiting-room/tickets",
        { productId, userId: `crowd-${i}` })).ticket);
    }
    const look = () => tickets.forEach((ticket) =>
      this.get(`/waiting-room/tickets/${ticket}`).catch(() => {}));
    const timer = setInterval(look, 1000);
    return { tickets, stop: () => clearInterval(timer) };
  }
}
