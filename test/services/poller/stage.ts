// A poller under test: a real Engine, a real NATS, and the test in the updater's place.
import { Health } from "../../../shared/runtime/health.ts";
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type NatsConnection, connect } from "nats";
import { pino } from "pino";
import { HostRecord } from "../../../services/poller/host-record.ts";
import { runPoller } from "../../../services/poller/run.ts";
import { type Clock, systemClock } from "../../../shared/clock.ts";
import type { EventContext, Locals } from "../../../shared/contract/hooks.ts";
import { publish } from "../../../shared/nats/jetstream.ts";
import { CloudEvent, makeCommandBody, parseEventData, parseJson } from "../../../shared/contract/messages.ts";
import type { UpdateResult } from "../../../shared/contract/run-records.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";
import { BUCKETS, STREAMS, consumers, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { ensureConsumer, hookConsumer } from "../../../shared/nats/durable-consumers.ts";
import { ensureTopology } from "../../../shared/nats/topology.ts";
import { type Engine, type NatsServer, startNats } from "../../bed/bed.ts";

export const HOST = "web-01.example";

/** Asks until there is an answer; `what` is told where there is none in time. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + 45_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) assert.fail(`never: ${what}`);
    await pause(10);
  }
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly because?: string;
  readonly [field: string]: unknown;
}

export interface Poller extends AsyncDisposable {
  readonly log: readonly LogLine[];
  /** The exit code. */
  readonly ended: Promise<number>;
  readonly stop: () => void;
}

/** `env` as a user would set it, beside the Engine, the host's name and NATS. */
export function startPoller(
  engine: Engine,
  nats: NatsServer,
  env: NodeJS.ProcessEnv = {},
  clock: Clock = systemClock,
): Poller {
  const log: LogLine[] = [];
  const controller = new AbortController();
  const stop = (): void => controller.abort("test");
  const settings = readSettings(
    {
      DOCKER_SOCKETS: `unix://${engine.socket}`,
      OUROBOROS_HOST: HOST,
      NATS_URL: nats.url,
      CHECK_NEW: "off", // a test says itself when the poller looks
      ...env,
    },
    new Map(),
  );
  const to = { write: (line: string) => void log.push(JSON.parse(line) as LogLine) };
  const ended = runPoller({
    settings,
    log: pino({ level: "debug" }, to),
    clock,
    health: new Health(),
    signal: controller.signal,
  });
  ended.catch(() => undefined); // told where it is awaited
  return {
    log,
    ended,
    stop,
    [Symbol.asyncDispose]: async () => {
      stop();
      await ended;
    },
  };
}

export interface Taken {
  readonly data: Locals<"updates_enumerated"> & EventContext;
  readonly message: JsMsg;
  readonly names: readonly string[];
}

interface Report {
  readonly outcome: { readonly kind: string; readonly because?: string; readonly run?: string };
  readonly left: readonly { readonly container: string; readonly because: string }[];
  readonly ended_at: string;
  readonly rest: readonly string[];
  readonly asked: number;
}

export interface Stage extends AsyncDisposable {
  readonly server: NatsServer;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly hosts: KV;
  readonly held: KV;
  readonly makeTopology: () => Promise<void>;
  /** From now on plans are taken by an updater, which is this test. */
  readonly makeUpdater: () => Promise<void>;
  /** The next plan, unacknowledged. */
  readonly take: () => Promise<Taken>;
  /** Writes the last record of a plan's run. */
  readonly record: (plan: Taken, ends: Readonly<Record<string, UpdateResult>>) => Promise<void>;
  /** The same, and acknowledges the plan. */
  readonly finish: (plan: Taken, ends: Readonly<Record<string, UpdateResult>>) => Promise<void>;
  readonly check: () => Promise<Report>;
  readonly ask: (command: string) => Promise<unknown>;
}

/** `config`: more lines for the NATS server's. */
export async function openStage(config = ""): Promise<Stage> {
  const server = await startNats({ config });
  const nats = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const js = jetstream(nats);
  const manager = await jetstreamManager(nats);
  const kvm = new Kvm(js);
  const ask = async (command: string): Promise<unknown> => {
    const subject = subjects.command(HOST, "poller", command);
    return eventually(`an answer to ${command}`, () =>
      nats.request(subject, makeCommandBody(command), { timeout: 15_000 }).then(
        (message) => message.json<unknown>(),
        () => undefined,
      ),
    );
  };
  const record: Stage["record"] = async ({ data: { run } }, ends) => {
    const body = { kind: "finished", writer: "test", n: 1, at: "now", host: HOST, run, ends, ms: 1 };
    const signal = AbortSignal.timeout(20_000);
    await publish({ js, clock: systemClock, signal }, { subject: subjects.run(HOST, run), body });
  };
  return {
    server,
    nats,
    js,
    manager,
    hosts: await kvm.open(BUCKETS.hosts),
    held: await kvm.open(BUCKETS.held),
    makeTopology: () => ensureTopology(nats, manager),
    makeUpdater: () =>
      ensureConsumer(
        manager,
        STREAMS.hooks,
        hookConsumer(consumers.updater(HOST), [subjects.hooksOf(HOST, "updates_enumerated")], {
          max_ack_pending: 1,
          deliver_policy: DeliverPolicy.Last,
        }),
      ),
    take: async () => {
      const consumer = await js.consumers.get(STREAMS.hooks, consumers.updater(HOST));
      const message = await eventually(
        "a plan",
        async () => (await consumer.next({ expires: 1000 })) ?? undefined,
      );
      const data = parseEventData("updates_enumerated", CloudEvent.parse(message.json()));
      return { data, message, names: data.updateable.map(({ container }) => container.name) };
    },
    record,
    finish: async (plan, ends) => {
      await record(plan, ends);
      assert.ok(await plan.message.ackAck());
    },
    ask,
    check: async () => (await ask("check")) as Report,
    [Symbol.asyncDispose]: async () => {
      await nats.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What the poller notes of its host; undefined where there is nothing yet. */
export const hostRecord = async ({ hosts }: Stage): Promise<HostRecord | undefined> => {
  const entry = await hosts.get(encodeToken(HOST)).catch(() => null);
  return HostRecord.safeParse(parseJson(entry?.string() ?? "")).data;
};

/** Pulls the image and runs a container from it. */
export async function runApp(
  { docker }: Engine,
  name: string,
  reference: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pulling = await docker.pull(reference);
  await new Promise((resolve, reject) =>
    docker.modem.followProgress(pulling, (error, output) => (error ? reject(error) : resolve(output))),
  );
  const container = await docker.createContainer({ name, Image: reference, Labels: { ...labels } });
  await container.start();
}
