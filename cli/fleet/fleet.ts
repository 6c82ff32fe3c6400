// Connects an operator's command to NATS, and reads what is stored there about hosts, events and runs.
import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  JetStreamApiError,
} from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { type NatsConnection, NoRespondersError, RequestError, TimeoutError } from "nats";
import { iso } from "../../shared/clock.ts";
import { CannotStart, NotDone, explain } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { type UserMessage, messageOf } from "../../shared/catalogue/entry.ts";
import { natsErrors } from "../../shared/catalogue/nats-errors.ts";
import { bucketOf, jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { type AskOptions, askService } from "../../shared/nats/ask-service.ts";
import { type NatsSettings, connectNow, maskUrl } from "../../shared/nats/nats-connection.ts";
import { readSomeSettings } from "../../shared/settings/read-settings.ts";
import { BUCKETS, STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { isToken, decodeToken } from "../../shared/contract/subject-tokens.ts";
import { readAccessFile, staleAccessMessage } from "../../nats/access-file.ts";

import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import type { Terminal } from "../framework/terminal.ts";

export interface Fleet {
  readonly nats: NatsConnection;
  /** The address, without secrets. */
  readonly url: string;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly hosts: KV;
  readonly held: KV;
  readonly participants: KV;
}

/**
 * Connects, does the work and disconnects.
 * @throws CannotStart where NATS cannot be found, reached or used; NotDone where it holds no streams of Ouroboros.
 */
export async function withFleet<T>(terminal: Terminal, work: (fleet: Fleet) => Promise<T>): Promise<T> {
  return withNats(terminal, async (nats, settings) => {
    const fleet = await openFleet(nats, settings);
    await fleet.manager.streams.info(STREAMS.runs).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      throw new NotDone(messageOf(natsErrors.nothingStored, { url: fleet.url }));
    });
    return work(fleet);
  });
}

/** The client exports the classes of only some of its errors. */
const isNatsError = (error: unknown): boolean =>
  [RequestError, TimeoutError, NoRespondersError, JetStreamApiError].some((kind) => error instanceof kind) ||
  (error instanceof Error && error.name === "JetStreamNotEnabled");

const isStalled = (error: unknown): boolean =>
  error instanceof TimeoutError || (error instanceof JetStreamApiError && error.status >= 500);

/** Like withFleet, but works before any stream exists. */
export async function withNats<T>(
  { env }: Terminal,
  work: (nats: NatsConnection, settings: NatsSettings) => Promise<T>,
): Promise<T> {
  const settings = await readNatsSettings(env);
  const nats = await connectNow("command", settings).catch((error: unknown) => {
    if (settings.stale === undefined) throw error;
    throw new CannotStart(settings.stale, { cause: error });
  });
  try {
    return await work(nats, settings);
  } catch (error) {
    if (!isNatsError(error)) throw error;
    const url = maskUrl(settings.NATS_URL);
    const because = explain(error);
    if (isStalled(error))
      throw new CannotStart(messageOf(natsErrors.stalled, { url, because }), { cause: error });
    throw new CannotStart(messageOf(natsErrors.unexpectedAnswer, { url, because }), { cause: error });
  } finally {
    await nats.close();
  }
}

export async function openFleet(nats: NatsConnection, settings: NatsSettings): Promise<Fleet> {
  return {
    nats,
    url: maskUrl(settings.NATS_URL),
    js: jetStreamOf(nats),
    manager: await managerOf(nats),
    hosts: await bucketOf(nats, BUCKETS.hosts),
    held: await bucketOf(nats, BUCKETS.held),
    participants: await bucketOf(nats, BUCKETS.participants),
  };
}

/** `stale` is the error message for a private NATS that does not answer. */
async function readNatsSettings(
  env: NodeJS.ProcessEnv,
): Promise<NatsSettings & { readonly stale?: UserMessage }> {
  const settings = readSomeSettings(env, USED_SETTINGS);
  const { NATS_OPERATOR_NKEY: operator } = settings;
  if (settings.NATS_URL !== "")
    return operator === ""
      ? settings
      : { ...settings, NATS_NKEY: operator, NATS_USER: "", NATS_PASSWORD: "", NATS_CREDS: "" };
  const access = await readAccessFile(settings.DATA_DIR);
  if (access === undefined)
    throw new CannotStart(messageOf(natsErrors.notFound, { folder: settings.DATA_DIR }));
  return { ...settings, ...access, stale: staleAccessMessage(settings.DATA_DIR, access.NATS_URL) };
}

/** A wrong value of any other setting stops no command. */
const USED_SETTINGS = [
  ...(["NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_CREDS", "NATS_NKEY", "NATS_OPERATOR_NKEY"] as const),
  ...(["NATS_CA", "NATS_CERT", "NATS_KEY", "DATA_DIR"] as const),
] as const;

// nats-server, server/errors.json
const NO_SUCH_STREAM = 10059;
const NO_SUCH_CONSUMER = 10014;

export const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && [NO_SUCH_STREAM, NO_SUCH_CONSUMER].includes(error.code);

/** For deletions: a stream or consumer that is already gone is no error. */
export function falseWhereMissing(error: unknown): false {
  if (!isMissing(error)) throw error;
  return false;
}

/** The keys of a bucket that match the filter, sorted. */
export async function listKeys(bucket: KV, filter = ">"): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of await bucket.keys(filter)) keys.push(key);
  return keys.sort();
}

/** Names of the hosts that a poller has claimed or an updater has acted on, unless they were forgotten since. */
export async function listHosts(fleet: Fleet): Promise<string[]> {
  const [claimed, opened] = await Promise.all([
    listKeys(fleet.hosts),
    fleet.manager.streams.info(STREAMS.runs, { subjects_filter: OPEN_OF_ALL }),
  ]);
  const acted = Object.keys(opened.state.subjects ?? {})
    .map((subject) => subject.split(".")[2] ?? "")
    .filter((hostToken) => !claimed.includes(hostToken));
  const remembered = await Promise.all(
    acted.map(async (hostToken) => ((await isForgotten(fleet, hostToken)) ? [] : [hostToken])),
  );
  return [...claimed, ...remembered.flat()].filter(isToken).map(decodeToken).sort();
}

/**
 * An updater's open record outlives `host forget`; it counts only where it is newer than the deletion of the host's
 * entry.
 */
async function isForgotten({ hosts, manager }: Fleet, hostToken: string): Promise<boolean> {
  if (!isToken(hostToken)) return false;
  const entry = await hosts.get(hostToken);
  if (entry === null || entry.operation === "PUT") return false;
  const opened = await getLastMessage(manager, STREAMS.runs, subjects.open(decodeToken(hostToken)));
  return opened === undefined || opened.time < entry.created;
}

const OPEN_OF_ALL = "ouroboros.run.*.open";

/** All hosts, or only the given one. @throws NotDone where there is no such host. */
export async function selectHosts(fleet: Fleet, host: string | undefined): Promise<string[]> {
  const all = await listHosts(fleet);
  if (host === undefined) return all;
  if (all.includes(host)) return [host];
  if (all.length === 0) throw new NotDone(messageOf(commandErrors.noHostYet));
  const nearest = didYouMean(host, all) || `; there are ${all.join(", ")}`;
  throw new NotDone(messageOf(commandErrors.noSuchHost, { host, nearest }));
}

export interface ReplayOptions {
  readonly filters: readonly string[];
  /** Milliseconds since 1970; from the first message where undefined. */
  readonly since?: number | undefined;
}

/** Reads the messages that a stream holds now, in order. */
export async function* replay(
  { js }: Fleet,
  stream: string,
  { filters, since }: ReplayOptions,
): AsyncGenerator<JsMsg, void> {
  const consumer = await js.consumers.get(stream, {
    filter_subjects: [...filters],
    ...(since !== undefined && { deliver_policy: DeliverPolicy.StartTime, opt_start_time: iso(since) }),
  });
  if ((await consumer.info(true)).num_pending === 0) return;
  const messages = await consumer.consume();
  try {
    for await (const message of messages) {
      yield message;
      if (message.info.pending === 0) return;
    }
  } finally {
    await messages.close();
    await consumer.delete().catch(() => false);
  }
}

/** Right after `docker compose up` a service may not be up yet. */
const START_WAIT_MS = 15_000;
const START_POLL_MS = 250;

/** Asks again for START_WAIT_MS as long as the answer is undefined: who gives it may be about to start. */
export async function askUntilStarted<T>(
  { clock, signal }: Pick<Terminal, "clock" | "signal">,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const began = clock.monotonic();
  for (;;) {
    const reply = await ask();
    if (reply !== undefined || signal.aborted || clock.monotonic() - began > START_WAIT_MS) return reply;
    await clock.sleep(START_POLL_MS, signal);
  }
}

/** Like askService, but for a service that may be about to start. */
export const askStartingService = (
  fleet: Fleet,
  [host, service, command]: readonly [host: string, service: string, command: string],
  { clock, signal, ...options }: AskOptions & Pick<Terminal, "clock" | "signal">,
): Promise<unknown> =>
  askUntilStarted({ clock, signal }, () => askService(fleet, host, [service, command], options));
