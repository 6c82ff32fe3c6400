// A notifier's surroundings for a test: a NATS server with the streams and a host's entry, what an updater publishes, and an
// endpoint that takes Apprise's `json://` messages.
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { type NatsConnection, connect } from "nats";
import { systemClock } from "../../../shared/clock.ts";
import type { HostEntry } from "../../../shared/contract/host-entry.ts";
import type { NoticeData } from "../../../shared/contract/hooks.ts";
import { makeNotice } from "../../../shared/contract/messages.ts";
import type { RecordBody } from "../../../shared/contract/run-records.ts";
import { BUCKETS, eventId, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { publish } from "../../../shared/nats/jetstream.ts";
import { ensureTopology } from "../../../shared/nats/topology.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import { type Endpoint, startEndpoint } from "../../support/endpoint.ts";
import { type Process, startProcess } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const PROGRAM = join(import.meta.dirname, "../../../cli/main.js");
export const HOST = "h1";
const RUN = "01run";

export interface Received {
  readonly title: string;
  readonly message: string;
  readonly type: string;
}

export interface NotifierScene extends AsyncDisposable {
  readonly server: NatsServer;
  readonly nats: NatsConnection;
  readonly endpoint: Endpoint;
  /** What the endpoint took, with 200. */
  readonly received: () => Received[];
  /** Resolves when it reads events, or has ended. */
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<Process>;
  /** As an updater says how an update ended. */
  readonly updateEnds: (
    data: Partial<NoticeData<"update_finished">> & { readonly name: string },
    run?: string,
    mode?: "update" | "monitor",
  ) => Promise<void>;
  readonly runEnds: (run?: string) => Promise<void>;
  readonly record: (body: RecordBody, run?: string) => Promise<void>;
  readonly putHost: (name: string, entry: Partial<HostEntry>) => Promise<void>;
  readonly receives: (count: number) => Promise<Received[]>;
}

export async function openScene(): Promise<NotifierScene> {
  const server = await startNats();
  const nats = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  await ensureTopology(nats, await jetstreamManager(nats));
  const js = jetstream(nats);
  const taken: Received[] = [];
  const endpoint = await startEndpoint(() => [200]);
  const take = endpoint.answer;
  const running: Process[] = [];
  const hosts = await new Kvm(js).open(BUCKETS.hosts);
  const via = { js, clock: systemClock, signal: new AbortController().signal };
  const context = (run: string, mode: "update" | "monitor") => ({
    ...{ host: HOST, engine_id: "E", run, mode, reason: "a test" },
  });
  let n = 0;
  const scene: NotifierScene = {
    server,
    nats,
    endpoint,
    received: () => taken,
    start: async (env = {}) => {
      const started = startProcess(
        PROGRAM,
        {
          PATH: "/usr/bin:/bin",
          NATS_URL: server.url,
          NOTIFIERS: `json://127.0.0.1:${new URL(endpoint.url).port}/planted-token`,
          SKIP_STARTUP_NOTIFICATIONS: "true",
          HOSTNAME: "home",
          ...env,
        },
        ["notifier"],
      );
      running.push(started);
      let hasEnded = false;
      void started.exited.then(() => (hasEnded = true));
      await until("the notifier reads events", () => hasEnded || /sending notifications/.test(started.log()));
      return started;
    },
    updateEnds: async (data, run = RUN, mode = "update") => {
      const id = eventId(run, "update_finished", data.name);
      const body = makeNotice({
        ...{ id, notice: "update_finished", service: "updater", container: data.name },
        time: new Date().toISOString(),
        context: context(run, mode),
        data: { ...FINISHED, ...data },
      });
      const subject = subjects.hook({ host: HOST, hook: "update_finished", container: data.name, event: id });
      await publish(via, { subject, body });
    },
    runEnds: async (run = RUN) => {
      const id = eventId(run, "run_finished", null);
      const body = makeNotice({
        ...{ id, notice: "run_finished", service: "updater", container: null },
        time: new Date().toISOString(),
        context: context(run, "update"),
        data: { ends: [], ms: 1 },
      });
      await publish(via, {
        subject: subjects.hook({ host: HOST, hook: "run_finished", container: null, event: id }),
        body,
      });
    },
    record: async (body, run = RUN) => {
      n += 1;
      const record = { ...body, writer: "w", n, at: new Date().toISOString(), host: HOST, run };
      await publish(via, { subject: subjects.run(HOST, run), body: record });
    },
    putHost: async (name, entry) => {
      await hosts.put(encodeToken(name), JSON.stringify({ ...HOST_ENTRY, ...entry }));
    },
    receives: (count) =>
      until(`${count} messages arrive`, () => taken.length >= count && taken.slice(), {
        explain: () => running.map((one) => one.log()).join("\n"),
      }),
    [Symbol.asyncDispose]: async () => {
      for (const one of running) await one[Symbol.asyncDispose]();
      await nats.close();
      await server[Symbol.asyncDispose]();
      await endpoint[Symbol.asyncDispose]();
    },
  };
  endpoint.answer = (request, response) => {
    const answer = take(request, response);
    if (answer?.[0] === 200) taken.push(JSON.parse(request.body) as Received);
    return answer;
  };
  await scene.putHost(HOST, {});
  return scene;
}

const FINISHED: Omit<NoticeData<"update_finished">, "name"> = {
  image: "registry.example/web:latest",
  end: "updated",
  because: "the new container proved itself",
  by: "updater",
  from: `sha256:${"1".repeat(64)}`,
  to: `sha256:${"2".repeat(64)}`,
  from_digest: null,
  to_digest: null,
  from_version: "1.4.2",
  to_version: "1.5.0",
  downtime_ms: 200,
  ms: 1000,
  steps: [],
};

const HOST_ENTRY: HostEntry = {
  engine_id: "E",
  versions: { ouroboros: "2.0.0", api: "1.51" },
  last_seen: "2026-01-01T00:00:00.000Z",
  last_poll: "2026-01-01T00:00:00.000Z",
  last_plan: null,
  cycle: {
    ...{ socket: "unix:///var/run/docker.sock", mode: "update" as const },
    next_poll: "2099-05-05T04:00:00.000Z",
    ...{ monitored: 7, unanswered: 0, updates: [], failures: [] },
  },
};
