// What people see: each view at once, and what changes from then on.
import type { Hono } from "hono";
import { compress } from "hono/compress";
import { streamSSE } from "hono/streaming";
import { isToken } from "../../../shared/contract/subject-tokens.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { explain } from "../../../shared/errors.ts";
import { readMessages } from "../../../shared/nats/jetstream.ts";
import { parseRunRecord } from "../../../shared/contract/run-records.ts";
import { type HostLife, explainContainer, findLife } from "../ask-host.ts";
import { type Topic, topics } from "../model/entities.ts";
import { type NumberedRecord, numberedRecord } from "../model/fleet-view.ts";
import { formatViewId } from "../model/position.ts";
import { refusal } from "../refusals.ts";
import { type AppContext, type AppEnv, type AppParts, factsOf } from "./app-context.ts";
import { streamChanges } from "./event-stream.ts";

const MAX_STREAMS = 500;
const MAX_LISTED = 2000;
const MAX_RECORDS = 5000;

export function addViews(app: Hono<AppEnv>, parts: AppParts): void {
  const { fleet } = parts;
  const compressed = compress();

  app.get("/api/state", compressed, (c) => {
    const changes = fleet.view.entities.snapshot(topicsIn(c));
    return c.json({ id: formatViewId(fleet.id), changes, status: fleet.status });
  });

  addEventStream(app, parts);

  app.get("/api/run", compressed, async (c) => {
    const { host = "", run = "" } = c.req.query();
    if (host === "" || !isToken(run)) return c.json({ because: "name a host and a run" }, 400);
    const id = formatViewId(fleet.id);
    const records = fleet.view.recordsOf(host, run) ?? (await readRun(parts, host, run));
    return c.json({ id, records });
  });

  app.get("/api/history", compressed, (c) => {
    const { host = "" } = c.req.query();
    const ends = fleet.view.history.list((ended) => host === "" || ended.host === host);
    return c.json({ ends: ends.slice(0, MAX_LISTED), more: ends.length > MAX_LISTED });
  });

  app.get("/api/answers", compressed, (c) => {
    const { answers, entities } = fleet.view;
    const names = new Set([...answers.names, ...[...entities.all("participants")].map(([name]) => name)]);
    return c.json(Object.fromEntries([...names].map((name) => [name, answers.of(name)])));
  });

  const life = makeLifeReader(parts);
  app.get("/api/life", compressed, async (c) => c.json(await life()));

  app.get("/api/explain", async (c) => {
    const { host = "", container = "" } = c.req.query();
    if (!fleet.view.hosts.includes(host)) return c.json(refusal("noSuchHost"), 404);
    const found = await explainContainer(parts.observing.nats, host, container);
    if (found === undefined) return c.json(refusal("pollerSilent"), 503);
    return c.json(found);
  });
}

const LIFE_MS = 10_000;

/** Asks the hosts every ten seconds at most, however many pages want to know. */
function makeLifeReader({ observing: { nats, clock }, fleet }: AppParts): () => Promise<readonly HostLife[]> {
  let last = { at: Number.NEGATIVE_INFINITY, found: Promise.resolve<readonly HostLife[]>([]) };
  return () => {
    if (clock.monotonic() - last.at > LIFE_MS)
      last = { at: clock.monotonic(), found: findLife(nats, fleet.view.hosts) };
    return last.found;
  };
}

const isTopic = (text: string): text is Topic => (topics as readonly string[]).includes(text);

/** `?topics=hosts,runs`; others are left out. */
const topicsIn = (c: AppContext): ReadonlySet<Topic> =>
  new Set((c.req.query("topics") ?? "").split(",").filter(isTopic));

function addEventStream(app: Hono<AppEnv>, { fleet, identification, observing }: AppParts): void {
  let open = 0;
  app.get("/api/events", (c) => {
    if (c.req.method !== "GET") return c.body(null, 405); // to HEAD nobody would read, and it would never end
    if (open >= MAX_STREAMS) return c.json(refusal("tooManyPages"), 503);
    const { host, run } = c.req.query();
    const request = {
      topics: topicsIn(c),
      run: host !== undefined && run !== undefined ? { host, run } : undefined,
      after: c.req.header("last-event-id") ?? c.req.query("after"),
    };
    const isAllowed = (): boolean =>
      !observing.signal.aborted && "person" in identification.identify(factsOf(c));
    open += 1;
    c.header("x-accel-buffering", "no"); // nginx would hold events back
    return streamSSE(c, async (stream) => {
      try {
        await streamChanges(stream, { fleet, clock: observing.clock, isAllowed }, request);
      } catch (error) {
        observing.log.debug({ because: explain(error) }, "a page went away");
      } finally {
        open -= 1;
      }
    });
  });
}

/** The records of a run that is long over, from its stream. */
async function readRun({ observing }: AppParts, host: string, run: string): Promise<NumberedRecord[]> {
  const records: NumberedRecord[] = [];
  const subject = subjects.run(host, run);
  for await (const message of readMessages(observing.manager, STREAMS.runs, subject)) {
    const record = parseRunRecord(message.string());
    if (record?.host === host && record.run === run) records.push(numberedRecord(record, message.seq));
    if (records.length >= MAX_RECORDS) break;
  }
  return records;
}
