// What the page knows, as signals, and how it stays up to date: a view is fetched once, and server-sent events say what
// has changed since. Each event's id is a position in the streams; after a break the page goes on from the last one.
import { computed, signal } from "@preact/signals";
import { refusalText, t } from "./texts.mjs";

export const topicNames = ["hosts", "containers", "pending", "runs", "lines", "results", "participants"];
export const data = Object.fromEntries(topicNames.map((name) => [name, signal(new Map())]));
/** Of the run that is shown. */
export const records = signal([]);

/** Undefined until it is known; null where nobody is signed in. */
export const me = signal(undefined);
export const signInKind = signal("token");
export const status = signal({
  state: "loading",
  since: "",
  history: { done: false, read: 0, of: 0, since: null },
});
/** `lost`: what is shown is from `since`. */
export const connection = signal({ state: "connecting", since: Date.now() });
export const now = signal(Date.now());
/** How far the clock of the service is ahead of this one. */
let skew = 0;
setInterval(() => (now.value = Date.now() + skew), 1000);

const ROLES = ["viewer", "approver", "operator"];
export const may = (role) => computed(() => ROLES.indexOf(me.value?.role) >= ROLES.indexOf(role));
export const mayDecide = may("approver");
export const mayCommand = may("operator");

export class Refused extends Error {}

const ANSWER_MS = 30_000;
/** A poller first finishes what it does, then asks a registry. */
const COMMAND_MS = 150_000;

/** @throws Refused with the service's words, or where it does not answer. */
export async function ask(path, body, isSecond = false) {
  const options =
    body === undefined
      ? { signal: AbortSignal.timeout(ANSWER_MS) }
      : {
          method: "POST",
          headers: { "content-type": "application/json", "x-csrf-token": me.value?.csrf ?? "" },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(COMMAND_MS),
        };
  const response = await fetch(path, { ...options, credentials: "same-origin" }).catch((cause) => {
    throw new Refused(t("unreachable"), { cause });
  });
  if (response.headers.has("date"))
    skew = Math.round((Date.parse(response.headers.get("date")) - Date.now()) / 5000) * 5000;
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401 && path !== "auth/login") {
    signInKind.value = answer.sign_in ?? signInKind.value;
    leave();
  }
  if (answer.stale && !isSecond) {
    await learnWhoIAm();
    return ask(path, body, true);
  }
  if (!response.ok)
    throw Object.assign(new Refused(refusalText(answer) ?? response.statusText), { status: response.status });
  return answer;
}

export async function learnWhoIAm() {
  try {
    const answer = await ask("api/me");
    signInKind.value = answer.sign_in;
    me.value = answer;
  } catch (error) {
    if (error.status === 403) me.value = { refused: error.message };
    else if (error.status !== 401) throw error;
  }
}

function leave() {
  disconnect();
  me.value = null;
}

export async function signOut() {
  await ask("auth/logout", {});
  leave();
}

/** How many lines and results a page keeps. */
const KEPT = { lines: 300, results: 500 };

function take(changes) {
  const changed = new Map();
  for (const { topic, key, value } of changes) {
    if (!changed.has(topic)) changed.set(topic, new Map(data[topic].value));
    if (value === null || isOver(topic, value)) changed.get(topic).delete(key);
    else changed.get(topic).set(key, value);
  }
  for (const [topic, values] of changed) {
    while (values.size > (KEPT[topic] ?? Infinity)) values.delete(values.keys().next().value);
    data[topic].value = values;
  }
}

/** The service forgets runs that are over without saying so; the page lists only those that are not. */
const isOver = (topic, value) => topic === "runs" && value.finished !== undefined;

const SILENCE_MS = 25_000;
let wanted;
let source;
let lastId;
let heardAt = 0;
let retryMs = 1000;
let generation = 0;

/** `run`: { host, run } whose records are wanted too. */
export async function connect(topics, run) {
  const key = JSON.stringify([topics, run]);
  if (wanted?.key === key) return;
  wanted = { key, topics, run };
  await begin();
}

function disconnect() {
  wanted = undefined;
  close();
}

function close() {
  generation += 1;
  source?.close();
  source = undefined;
}

/** Fetches everything, then what changes. */
async function begin() {
  close();
  const mine = generation;
  try {
    const { topics, run } = wanted;
    const [state, ofRun] = await Promise.all([
      ask(`api/state?topics=${topics.join(",")}`),
      run === undefined ? undefined : ask(`api/run?${new URLSearchParams(run)}`),
    ]);
    if (mine !== generation) return;
    status.value = state.status;
    for (const topic of topics) data[topic].value = new Map();
    take(state.changes);
    records.value = ofRun?.records ?? [];
    lastId = state.id;
    listen();
  } catch (error) {
    if (mine !== generation || error.status === 401) return;
    if (error.status === 403) await learnWhoIAm().catch(() => undefined); // a role was taken away
    if (me.value?.role !== undefined) later(begin);
  }
}

function listen() {
  close();
  const mine = generation;
  const { topics, run } = wanted;
  const query = new URLSearchParams({ topics: topics.join(","), after: lastId, ...run });
  source = new EventSource(`api/events?${query}`);
  heardAt = Date.now();
  const on = (name, handle) =>
    source.addEventListener(name, (event) => {
      if (mine !== generation) return;
      heardAt = Date.now();
      retryMs = 1000;
      if (connection.value.state !== "live") connection.value = { state: "live", since: heardAt };
      handle?.(event);
    });
  on("open");
  on("alive");
  on("status", ({ data: text }) => (status.value = JSON.parse(text)));
  on("changes", (event) => {
    lastId = event.lastEventId;
    const { changes, records: added } = JSON.parse(event.data);
    take(changes);
    const last = records.value.at(-1)?.seq ?? 0;
    const news = added.filter(({ seq }) => seq > last);
    if (news.length > 0) records.value = [...records.value, ...news];
  });
  on("reset", () => void begin());
  source.onerror = () => {
    if (mine !== generation) return;
    lose();
    if (source.readyState === EventSource.CLOSED) later(goOn);
  };
}

function lose() {
  if (connection.value.state !== "lost") connection.value = { state: "lost", since: heardAt || Date.now() };
}

/** After a refusal: who am I still, and from where do I go on? */
async function goOn() {
  await learnWhoIAm();
  if (me.value?.role !== undefined && wanted !== undefined) listen();
}

function later(what) {
  lose();
  const mine = generation;
  setTimeout(() => {
    if (mine === generation) Promise.resolve(what()).catch(() => later(what));
  }, retryMs);
  retryMs = Math.min(retryMs * 2, 10_000);
}

/** A half-open connection, or a computer that slept. */
setInterval(() => {
  if (source === undefined || Date.now() - heardAt < SILENCE_MS) return;
  lose();
  listen();
}, 5000);
globalThis.addEventListener?.("online", () => source !== undefined && listen());
