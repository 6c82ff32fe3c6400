/**
 * What the participants in this folder share: the connection to NATS, the way from an event to its stored verdict, and
 * reading events. Each of them brings only what it decides. They need
 *
 *     npm install nats@npm:@nats-io/transport-node @nats-io/jetstream
 *
 * They fail closed: what goes wrong while one decides is a `defer` with the error as its reason.
 *
 * Settings: NATS_URL, NATS_CA (a file), and NATS_NKEY_FILE (a file with the seed) or NATS_USER and NATS_PASSWORD.
 */
import { readFileSync } from "node:fs";
import { jetstream } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator, nkeys, usernamePasswordAuthenticator } from "nats";

/** `--timeout` and `--max` of `participant add`: after that nobody is waited for. */
const LATE_MS = 600_000;
const MAX_MS = 3_600_000;
const WORKING_MS = 5000;
const REMEMBERED = 1000;
const REASON_LENGTH = 500;

/**
 * Answers the events of the participant that the command line names, until SIGTERM. `decide` is given the event and
 * the name of its hook, and gives the verdict `{ verdict, reason?, retry_after_s? }`. It is asked once for each event,
 * however often that is delivered, and only where its answer counts. `onNotice` is given what is over, and the name of
 * the notice, where the participant was added with `--hears`; after an error it is given it again. Nobody waits for it.
 */
export async function participate(decide, { onNotice } = {}) {
  const name = process.argv[2];
  if (!name) fail(`Usage: node ${process.argv[1]} NAME, the name that it was added with`, 2);
  const nats = await connect(connection()).catch((error) => fail(`No connection to NATS: ${error.message}`));
  const party = {
    name,
    decide,
    onNotice,
    nats,
    stream: jetstream(nats),
    answers: new Map(),
    inHand: new Set(),
  };
  for (const signal of ["SIGINT", "SIGTERM"])
    process.on(signal, async () => {
      for (const message of party.inHand) message.nak(); // to be delivered again, to whoever comes next
      await nats.drain();
      process.exit(0);
    });
  if (onNotice) void take(party, "notices", hear, "--hears");
  await take(party, "gate", answer, "--hooks");
}

/** Hands each message of the consumer on, without waiting until it is dealt with. */
async function take(party, kind, handle, option) {
  const { name, nats, stream } = party;
  for (let told; !nats.isClosed();) {
    try {
      const consumer = await stream.consumers.get("OUROBOROS_HOOKS", `${kind}_${token(name)}`);
      for (;;) {
        const message = await consumer.next({ expires: 30_000 });
        if (message) void dealWith(party, message, handle);
      }
    } catch (error) {
      if (nats.isClosed()) return;
      const text = `${error.message}; trying again. Was the participant ${name} added with ${option}?`;
      if (text !== told) console.error(text);
      told = text;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** What an event is about: its container or, with SWARM, its service, which has a name, an image and labels as well. */
export const workloadOf = (data) => data.old_container ?? data.container ?? data.service;

/**
 * Asks `judge` about each container or service that the event is about: `{ container, image, newImage }`, the image it
 * runs and the one it is to get. For updates_enumerated and for the hooks that have an `old_container` or a `service`.
 */
export async function judgeEach({ data }, judge) {
  if (!data.updateable)
    return judge({ container: workloadOf(data), image: data.old_image, newImage: data.new_image });
  const updates = [...data.updateable, ...(data.updateable_services ?? [])];
  const judged = updates.map(async ({ container, service, current_image, latest_image }) => {
    const workload = container ?? service;
    const judgement = await closed(() =>
      judge({ container: workload, image: current_image, newImage: latest_image }),
    );
    return [workload.name, judgement];
  });
  const said = (await Promise.all(judged)).filter(
    ([, { verdict, reason }]) => verdict !== "proceed" || reason,
  );
  return { verdict: "proceed", containers: Object.fromEntries(said) };
}

/** A label that the container's owner set; what comes from the image alone does not count: its maker decides nothing. */
export const labelOf = (container, image, label) =>
  container.labels[label] === image?.labels?.[label] ? undefined : container.labels[label];

/** A whole number of the environment; ends the program where it is none. */
export function numberOf(setting, byDefault) {
  const text = process.env[setting] || String(byDefault);
  return /^\d+$/.test(text) ? Number(text) : fail(`${setting}: "${text}": a whole number is needed`, 2);
}

/** An address of the environment, without a slash at its end. An error would show what is secret in it. */
export function urlOf(setting, byDefault) {
  const text = process.env[setting] || byDefault;
  if (!URL.canParse(text ?? "")) fail(`${setting}: an address like http://127.0.0.1:9093 is needed`, 2);
  const { username, password } = new URL(text);
  if (username || password) fail(`${setting}: credentials do not belong into an address`, 2);
  return text.replace(/\/$/, "");
}

/** Gives what an HTTP service answers; `authorization` is that header. @throws with its refusal, or that it says nothing. */
export async function ask(who, url, { method = "GET", body, authorization } = {}) {
  const headers = {
    ...(authorization && { authorization }),
    ...(body && { "content-type": "application/json" }),
  };
  try {
    const asked = {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    };
    const response = await fetch(url, asked);
    const text = await response.text();
    if (!response.ok) throw new Error(`status ${response.status}: ${text.slice(0, 200)}`);
    return text;
  } catch (error) {
    throw new Error(`${who}: ${error.cause?.message ?? error.message}`, { cause: error });
  }
}

export function fail(text, code = 1) {
  console.error(text);
  process.exit(code);
}

function connection() {
  const {
    NATS_URL = "nats://127.0.0.1:4222",
    NATS_CA,
    NATS_NKEY_FILE,
    NATS_USER,
    NATS_PASSWORD,
  } = process.env;
  const seed = NATS_NKEY_FILE && Buffer.from(readFileSync(NATS_NKEY_FILE, "utf8").trim());
  const identity = seed ? nkeys.fromSeed(seed).getPublicKey() : NATS_USER;
  return {
    servers: NATS_URL.split(","),
    maxReconnectAttempts: -1, // the default gives up after ten
    ...(NATS_CA && { tls: { caFile: NATS_CA } }),
    ...(identity && {
      authenticator: seed ? nkeyAuthenticator(seed) : usernamePasswordAuthenticator(NATS_USER, NATS_PASSWORD),
      inboxPrefix: `_INBOX_${identity}`,
    }),
  };
}

/** Answers a hook's event. */
async function answer(party, message, event) {
  const { name, nats, stream, answers } = party;
  if (!isWaitedFor(event, message, name)) return;
  const subjectOf = (template) => template.replace("{participant}", token(name));
  const progress = setInterval(() => nats.publish(subjectOf(event.progresssubject), "{}"), WORKING_MS);
  try {
    if (!answers.has(event.id)) remember(answers, event.id, decided(party, event));
    const verdict = await answers.get(event.id);
    await stream.publish(subjectOf(event.verdictsubject), JSON.stringify(verdict));
    console.log(JSON.stringify({ event: event.id, ...verdict }));
  } finally {
    clearInterval(progress);
  }
}

/** Passes on a notice; not one from while this program was off. */
async function hear({ onNotice }, _message, event) {
  if (Date.now() - Date.parse(event.time) <= MAX_MS) await onNotice(event, event.type.split(".")[1]);
}

/** Keeps the message ours while it is dealt with, and acknowledges it then. */
async function dealWith(party, message, handle) {
  party.inHand.add(message);
  const working = setInterval(() => message.working(), WORKING_MS);
  try {
    await handle(party, message, message.json());
    await message.ackAck();
  } catch (error) {
    console.error(`${message.subject}: ${error.message}`);
    if (error instanceof SyntaxError) message.term();
    else message.nak(5000);
  } finally {
    clearInterval(working);
    party.inHand.delete(message);
  }
}

/** Not where it only tells what would be, where others are asked, or where it came while this program was off. */
function isWaitedFor({ id, time, data }, { redelivered }, name) {
  if (data.mode !== "update" || data.asked?.includes(name) === false) return false;
  const isLate = Date.now() - Date.parse(time) > (redelivered ? MAX_MS : LATE_MS);
  if (isLate) console.log(`${id} came too late: nobody waits for its answer any more`);
  return !isLate;
}

const decided = ({ decide }, event) => closed(() => decide(event, event.type.split(".")[1]));

/** In doubt not now. */
async function closed(judge) {
  try {
    return await judge();
  } catch (error) {
    return { verdict: "defer", reason: error.message.slice(0, REASON_LENGTH) };
  }
}

function remember(answers, id, verdict) {
  answers.set(id, verdict);
  if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
}

/** Other bytes than these are written `=XX`. */
const token = (text) =>
  Array.from(Buffer.from(text), (byte) => {
    const char = String.fromCharCode(byte);
    return /[\w-]/.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
