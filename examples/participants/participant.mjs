#!/usr/bin/env node
/**
 * A remote participant of Ouroboros in JavaScript, on the official NATS client:
 *
 *     npm install nats@npm:@nats-io/transport-node @nats-io/jetstream
 *     ouroboros participant add releases --hooks before_update
 *     NATS_URL=nats://nats.example.com:4222 node participant.mjs releases
 *
 * `decide` is yours to write; the rest takes an event, tells that it is at it, publishes the verdict, waits until that
 * is stored, and only then acknowledges.
 */
import { jetstream } from "@nats-io/jetstream";
import { connect, usernamePasswordAuthenticator } from "nats";

/** Gives a verdict: `{ verdict: "proceed" | "refuse" | "defer", reason?, retry_after_s? }`. May take its time. */
async function decide({ data }) {
  const version = data.new_image?.labels?.["org.opencontainers.image.version"] ?? "";
  if (/-(alpha|beta|rc)/.test(version)) return { verdict: "refuse", reason: `${version} is no release` };
  return { verdict: "proceed" };
}

const { NATS_URL = "nats://127.0.0.1:4222", NATS_USER: user, NATS_PASSWORD: password } = process.env;
const [, , name] = process.argv;
/** `--timeout` and `--max` of `participant add`: after that nobody is waited for. */
const LATE_MS = 600_000;
const MAX_MS = 3_600_000;
const token = (text) =>
  [...Buffer.from(text)]
    .map((byte) => String.fromCharCode(byte))
    .map((char) =>
      /[\w-]/.test(char) ? char : `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");

const nats = await connect({
  servers: NATS_URL.split(","),
  maxReconnectAttempts: -1, // the default gives up after ten
  ...(user && {
    authenticator: usernamePasswordAuthenticator(user, password),
    inboxPrefix: `_INBOX_${user}`,
  }),
});
const stream = jetstream(nats);
let inHand;

for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, async () => {
    inHand?.nak(); // to be delivered again, to whoever comes next
    await nats.drain();
    process.exit(0);
  });

for (;;) {
  try {
    const consumer = await stream.consumers.get("OUROBOROS_HOOKS", `gate_${token(name)}`);
    for (;;) {
      inHand = (await consumer.next({ expires: 30_000 })) ?? undefined;
      if (inHand) await answer(inHand);
      inHand = undefined;
    }
  } catch (error) {
    if (nats.isClosed()) break;
    console.error(`${error.message}; trying again. Was the participant ${name} added?`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Published while this program was off: its update is over. What was in hand before may have told that it goes on. */
function isLate({ time }, { redelivered }) {
  return Date.now() - Date.parse(time) > (redelivered ? MAX_MS : LATE_MS);
}

async function answer(message) {
  const event = message.json();
  if (isLate(event, message)) {
    console.log(`${event.id} came too late: nobody waits for its answer any more`);
    await message.ackAck();
    return;
  }
  const subjectOf = (template) => template.replace("{participant}", token(name));
  const telling = setInterval(() => {
    message.working();
    nats.publish(subjectOf(event.progresssubject), "{}");
  }, 5000);
  try {
    const verdict = await decide(event);
    await stream.publish(subjectOf(event.verdictsubject), JSON.stringify(verdict));
    await message.ackAck();
    console.log(JSON.stringify({ event: event.id, ...verdict }));
  } catch (error) {
    message.nak(5000);
    throw error;
  } finally {
    clearInterval(telling);
  }
}
