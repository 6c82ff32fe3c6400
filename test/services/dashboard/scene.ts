// A dashboard's surroundings for a test: a NATS server with the streams, what hosts publish, and browsers' requests.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type JetStreamClient, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type NatsConnection, connect } from "nats";
import { systemClock } from "../../../shared/clock.ts";
import type { HostEntry } from "../../../shared/contract/host-entry.ts";
import type { LedgerEntry } from "../../../shared/contract/ledger.ts";
import type { RecordBody } from "../../../shared/contract/run-records.ts";
import { BUCKETS, eventId, ledgerKey, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { publish } from "../../../shared/nats/jetstream.ts";
import { ensureTopology } from "../../../shared/nats/topology.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import { freePort } from "../../support/monitoring.ts";
import { type Process, startProcess } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const PROGRAM = join(import.meta.dirname, "../../../services/dashboard/main.js");
export const HOST = "h1";
export const RUN = "01run";
export const TOKENS = {
  viewer: "vera-0123456789-0123456789",
  approver: "anna-0123456789-0123456789",
  operator: execFileSync("openssl", ["rand", "-hex", "24"], { encoding: "utf8" }).trim(), // as docs/dashboard.md has it
} as const;
const NAMES = { viewer: "vera", approver: "anna", operator: "olaf" } as const;
export type SceneRole = keyof typeof TOKENS;
export const TOKEN_SETTING = Object.entries(TOKENS)
  .map(([role, token]) => `${NAMES[role as SceneRole]}:${role}:${token}`)
  .join(" ");

export interface DashboardScene extends AsyncDisposable {
  readonly server: NatsServer;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly url: string;
  readonly held: KV;
  /** `program`: another one that runs the dashboard. */
  readonly start: (env?: Readonly<Record<string, string>>, program?: string) => Promise<Process>;
  /** Resolves with the sequence. */
  readonly record: (
    body: RecordBody,
    at?: { readonly host?: string; readonly run?: string },
  ) => Promise<number>;
  /** As the updater asks about a container. */
  readonly askAbout: (container: string, versions: readonly [from: string, to: string]) => Promise<void>;
  readonly say: (participant: string, event: string, body: unknown) => Promise<void>;
  readonly putHost: (name: string, entry: HostEntry) => Promise<void>;
  /** As the host's poller notes what it has seen of an image. */
  readonly putLedger: (host: string, entry: LedgerEntry) => Promise<void>;
}

export async function openScene(): Promise<DashboardScene> {
  const server = await startNats();
  const nats = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  await ensureTopology(nats, await jetstreamManager(nats));
  const js = jetstream(nats);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const running: Process[] = [];
  const open = (bucket: string): Promise<KV> => new Kvm(js).open(bucket);
  const [hosts, held, ledger] = [
    await open(BUCKETS.hosts),
    await open(BUCKETS.held),
    await open(BUCKETS.ledger),
  ];
  const via = { js, clock: systemClock, signal: new AbortController().signal };
  let n = 0;
  return {
    ...{ server, nats, js, url, held },
    start: async (env = {}, program) => {
      const common = {
        NATS_URL: server.url,
        DASHBOARD_PORT: String(port),
        DASHBOARD_TOKENS: TOKEN_SETTING,
      };
      const started = await startDashboard({ ...common, ...env }, program);
      running.push(started);
      return started;
    },
    record: async (body, { host = HOST, run = RUN } = {}) => {
      n += 1;
      const record = { ...body, writer: "w", n, at: new Date().toISOString(), host, run };
      return publish(via, { subject: subjects.run(host, run), body: record });
    },
    askAbout: async (container, [from, to]) => {
      const image = (version: string) => ({
        id: `sha256:${"a".repeat(64)}`,
        labels: { "org.opencontainers.image.version": version },
      });
      const event = eventId(RUN, "before_update", container);
      const body = {
        ...{
          specversion: "1.0",
          id: event,
          source: "s",
          type: "ouroboros.before_update.v1",
          subject: container,
        },
        ...{ time: new Date().toISOString(), datacontenttype: "application/json" },
        ...{ verdictsubject: "v", progresssubject: "p" },
        data: {
          old_container: { name: container, image: `ghcr.io/shop/${container}:latest` },
          ...{ old_image: image(from), new_image: image(to) },
        },
      };
      await publish(via, {
        subject: subjects.hook({ host: HOST, hook: "before_update", container, event }),
        body,
      });
    },
    say: async (participant, event, body) => {
      await publish(via, { subject: subjects.verdict(HOST, participant, event), body });
    },
    putHost: async (name, entry) => {
      await hosts.put(encodeToken(name), JSON.stringify(entry));
    },
    putLedger: async (host, entry) => {
      await ledger.put(ledgerKey(host, entry.image, entry.platform), JSON.stringify(entry));
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of running) await one[Symbol.asyncDispose]();
      await nats.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when it serves, or has ended. */
export async function startDashboard(
  env: Readonly<Record<string, string>>,
  program = PROGRAM,
): Promise<Process> {
  const started = startProcess(program, { PATH: "/usr/bin:/bin", ...env });
  let hasEnded = false;
  void started.exited.then(() => (hasEnded = true));
  try {
    await until("the dashboard serves", () => hasEnded || /serving the dashboard/.test(started.log()), {
      within: 30_000,
      explain: started.log,
    });
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
  return started;
}

export const EVENT = eventId(RUN, "before_update", "web");

export const asked = (name: string, more: object = {}) => ({
  ...{ name, timeout_ms: 600_000, max_ms: 3_600_000, on_timeout: "defer" as const },
  ...more,
});

/** As the updater records that an event waits. */
export const waiting = (container = "web", run = RUN): RecordBody => ({
  kind: "waiting",
  event: eventId(run, "before_update", container),
  hook: "before_update",
  container,
  participants: [asked("board"), asked("exec_h1")],
});

export const hostEntry = (names: readonly string[], more: object = {}): HostEntry => ({
  engine_id: "E",
  versions: { ouroboros: "2.0.0", api: "1.51" },
  last_seen: new Date().toISOString(),
  last_poll: new Date().toISOString(),
  last_plan: null,
  cycle: {
    ...{ looked_at: new Date().toISOString(), socket: "unix:///var/run/docker.sock", mode: "update" },
    ...{ next_poll: null, monitored: names.length, unanswered: 0, updates: [], failures: [] },
    containers: names.map((container) => ({
      container,
      image: `apps/${container}:latest`,
      version: "1.0",
      digest: digestOf("a"),
      newer: digestOf("b"),
    })),
    ...more,
  },
});

const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** Of an image whose tag has moved from digest a to b, which one of two containers has followed. */
export const ledgerEntry = (image: string, platform = "linux/amd64"): LedgerEntry => ({
  ...{ image, platform },
  stays: [
    { digest: digestOf("a"), from: "2026-11-01T10:00:00Z", to: "2026-11-20T09:00:00Z" },
    { digest: digestOf("b"), from: "2026-11-20T10:00:00Z", to: "2026-11-30T10:00:00Z" },
  ],
  uses: [
    { digest: digestOf("a"), since: "2026-11-01T10:00:00Z", containers: 1, ends: { updated: 1 } },
    {
      digest: digestOf("b"),
      since: "2026-11-20T11:00:00Z",
      containers: 1,
      ends: { updated: 1, rolled_back: 2 },
    },
  ],
});

export interface Browser {
  readonly cookie: string;
  readonly csrf: string;
  readonly get: (path: string) => Promise<Response>;
  readonly post: (
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
}

/** Signed in by a token, as the page does it. */
export async function signIn({ url }: Pick<DashboardScene, "url">, role: SceneRole): Promise<Browser> {
  const answer = await fetch(`${url}/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: TOKENS[role] }),
  });
  assert.equal(answer.status, 200, await answer.text());
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  const get = (path: string) => fetch(`${url}${path}`, { headers: { cookie } });
  const { csrf } = (await (await get("/api/me")).json()) as { csrf: string };
  return {
    ...{ cookie, csrf, get },
    post: (path, body, headers = {}) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { cookie, "content-type": "application/json", "x-csrf-token": csrf, ...headers },
        body: JSON.stringify(body),
      }),
  };
}

export interface ReceivedEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

export interface OpenStream extends AsyncDisposable {
  readonly events: readonly ReceivedEvent[];
  readonly changes: () => { readonly topic: string; readonly key: string; readonly value: unknown }[];
  readonly lastId: () => string;
}

/** Server-sent events, as a browser reads them. */
export async function openStream(
  { url }: Pick<DashboardScene, "url">,
  { cookie }: Browser,
  { path, lastId }: { readonly path: string; readonly lastId?: string },
): Promise<OpenStream> {
  const stop = new AbortController();
  const response = await fetch(`${url}${path}`, {
    headers: { cookie, ...(lastId !== undefined && { "last-event-id": lastId }) },
    signal: stop.signal,
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const events: ReceivedEvent[] = [];
  const reading = (async () => {
    let text = "";
    const body = response.body as unknown as AsyncIterable<Uint8Array>;
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString();
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      events.push(...parts.map(parseEvent));
    }
  })().catch(() => undefined); // the test, or the service, has ended it
  return {
    events,
    changes: () =>
      events
        .filter(({ event }) => event === "changes")
        .flatMap(({ data }) => (JSON.parse(data) as { changes: [] }).changes),
    lastId: () => events.findLast(({ id }) => id !== undefined)?.id ?? "",
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await reading;
    },
  };
}

function parseEvent(text: string): ReceivedEvent {
  const field = (name: string): string | undefined => new RegExp(`^${name}: ?(.*)$`, "m").exec(text)?.[1];
  return { id: field("id"), event: field("event") ?? "message", data: field("data") ?? "" };
}

export interface StateAnswer {
  readonly id: string;
  readonly changes: readonly { readonly topic: string; readonly key: string; readonly value: unknown }[];
  readonly status: { readonly state: string };
}

/** The state once the service has read what there is. */
export const readState = (browser: Browser, topics: string): Promise<StateAnswer> =>
  until("the service has read what there is", async () => {
    const state = (await (await browser.get(`/api/state?topics=${topics}`)).json()) as StateAnswer;
    return state.status.state === "live" && state;
  });
