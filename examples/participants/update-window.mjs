#!/usr/bin/env node
/**
 * Lets containers be updated only while a window is open; outside it puts them off until the next one opens.
 *
 *     npm install nats@npm:@nats-io/transport-node @nats-io/jetstream croner
 *     ouroboros participant add windows --hooks updates_enumerated,before_update
 *     NATS_URL=nats://nats.example.com:4222 WINDOWS_FILE=windows.json node update-window.mjs windows
 *
 * The file names the windows of each host, `*` those of all others; lib/windows.mjs says how one is written:
 *
 *     { "time_zone": "Europe/Berlin", "hosts": { "web01": "0 2 * * SAT,SUN 3h", "*": "0 4 * * * 1h" } }
 *
 * A container's label takes their place: `docker run --label "com.example.window=30 3 * * * 1h" …`. The file is read
 * at each event, so a change counts at once.
 */
import { readFile } from "node:fs/promises";
import { judgeEach, labelOf, participate } from "./lib/participant.mjs";
import { untilOpen } from "./lib/windows.mjs";

const { WINDOWS_FILE = "windows.json", WINDOW_LABEL = "com.example.window" } = process.env;
const A_YEAR_S = 365 * 86_400;

await participate(async (event) => {
  const { host } = event.data;
  const { time_zone, hosts } = await readWindows();
  return judgeEach(event, ({ container, image }) => {
    const windows = labelOf(container, image, WINDOW_LABEL) ?? hosts[host] ?? hosts["*"];
    if (!windows) throw new Error(`${WINDOWS_FILE} has no window for the host ${host}`);
    const wait = Math.ceil(untilOpen(windows, Date.now(), time_zone) / 1000);
    if (wait === 0) return { verdict: "proceed" };
    const opens = new Date(Date.now() + wait * 1000).toISOString().slice(0, 16);
    const reason = `${container.name}: its update window opens at ${opens}Z`;
    return { verdict: "defer", reason, retry_after_s: Math.min(wait, A_YEAR_S) };
  });
});

async function readWindows() {
  try {
    const { time_zone, hosts = {} } = JSON.parse(await readFile(WINDOWS_FILE, "utf8"));
    return { time_zone, hosts };
  } catch (error) {
    throw new Error(`${WINDOWS_FILE} cannot be read: ${error.message}`, { cause: error });
  }
}
