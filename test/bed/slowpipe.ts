/**
 * A TCP pipe that adds latency, for kernels without netem. SIGUSR1 stalls it, SIGUSR2 lets it go on.
 *
 *   node slowpipe.js FROM_HOST:PORT TO_HOST:PORT [DELAY_MS]
 */
import { connect, createServer, type Socket } from "node:net";

const [from = "", to = "", delay = "0"] = process.argv.slice(2);
const held: (() => void)[] = [];
const state = { stalled: false };

process.on("SIGUSR1", () => (state.stalled = true));
process.on("SIGUSR2", () => {
  state.stalled = false;
  for (const step of held.splice(0)) step();
});
createServer((near) => {
  const far = connect(address(to));
  pass(near, far);
  pass(far, near);
}).listen(address(from));

function pass(source: Socket, target: Socket): void {
  source.on("data", (bytes) => later(() => target.writable && target.write(bytes)));
  source.on("end", () => later(() => target.end()));
  source.on("error", () => target.destroy());
  source.on("close", () => later(() => target.destroy()));
}

function later(step: () => unknown): void {
  setTimeout(() => (state.stalled ? held.push(() => void step()) : step()), Number(delay));
}

function address(text: string): { host: string; port: number } {
  const [host = "", port] = text.split(":");
  return { host, port: Number(port) };
}
