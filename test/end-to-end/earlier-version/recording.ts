// What an earlier version wrote to NATS (README.md in this folder), with the Engines and images of this test in place of
// those that it was recorded with; and how it gets into a NATS.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, connect, headers } from "nats";
import * as z from "zod";
import { startNats } from "../../bed/bed.ts";

const FILE = join(import.meta.dirname, "../../../../test/end-to-end/earlier-version/streams.jsonl");

const Recorded = z.object({
  kind: z.literal("recorded"),
  engines: z.record(z.string(), z.string()),
  digests: z.record(z.string(), z.string()),
});
const Stream = z.object({
  kind: z.literal("stream"),
  config: z.looseObject({ name: z.string(), subjects: z.array(z.string()) }),
});
const Consumer = z.object({
  kind: z.literal("consumer"),
  stream: z.string(),
  config: z.looseObject({ durable_name: z.string() }),
});
const Message = z.object({
  kind: z.literal("message"),
  stream: z.string(),
  subject: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  data: z.looseObject({}),
});
const Answer = z.object({ kind: z.literal("answer"), subject: z.string(), data: z.looseObject({}) });
const Line = z.discriminatedUnion("kind", [Recorded, Stream, Consumer, Message, Answer]);

export type RecordedMessage = z.infer<typeof Message>;

export interface Recording {
  readonly streams: readonly z.infer<typeof Stream>[];
  readonly consumers: readonly z.infer<typeof Consumer>[];
  readonly messages: readonly RecordedMessage[];
  /** What its services answered to commands. */
  readonly answers: readonly z.infer<typeof Answer>[];
}

/** Ids of Engines by host, and digests of the new images by container. */
type Present = Partial<Pick<z.infer<typeof Recorded>, "engines" | "digests">>;

export async function readRecording({ engines = {}, digests = {} }: Present): Promise<Recording> {
  const text = await readFile(FILE, "utf8");
  const recorded = Recorded.parse(JSON.parse(text.slice(0, text.indexOf("\n"))));
  const replaced = [
    ...Object.entries(engines).map(([host, id]) => [recorded.engines[host] ?? "", id] as const),
    ...Object.entries(digests).map(([name, digest]) => [recorded.digests[name] ?? "", digest] as const),
  ].reduce((changed, [before, now]) => changed.replaceAll(before, now), text);
  const lines = replaced
    .trim()
    .split("\n")
    .map((line) => Line.parse(JSON.parse(line)));
  return {
    streams: lines.filter((line) => line.kind === "stream"),
    consumers: lines.filter((line) => line.kind === "consumer"),
    messages: lines.filter((line) => line.kind === "message"),
    answers: lines.filter((line) => line.kind === "answer"),
  };
}

/** The folder of a NATS server that the earlier version has used and left: nothing in it is still to be acknowledged. */
export async function fillStore(store: string, recording: Recording): Promise<void> {
  await using server = await startNats({ store });
  const nats = await connect({ servers: server.url });
  const manager = await jetstreamManager(nats);
  for (const { config } of recording.streams) await manager.streams.add(config);
  await makeConsumers(nats, recording);
  for (const message of recording.messages) await publish(nats, message);
  for (const consumer of recording.consumers) await acknowledgeAll(nats, consumer);
  await nats.drain();
  await server.kill("SIGTERM"); // what was acknowledged is on the disk then
}

/**
 * A host of the earlier version at a NATS that others use already: sets the streams' configuration back to its own, as its updater does
 * at its start, publishes what the host published, and answers commands until disposed.
 */
export async function joinAsHost(
  nats: NatsConnection,
  recording: Recording,
  host: string,
): Promise<Disposable> {
  const manager = await jetstreamManager(nats);
  const isOfHost = (subject: string): boolean => subject.split(".")[2] === host;
  for (const { config } of recording.streams)
    if (!config.name.startsWith("KV_")) await manager.streams.update(config.name, config);
  const consumers = recording.consumers.filter(({ config }) => config.durable_name.endsWith(`_${host}`));
  await makeConsumers(nats, { consumers });
  const subscriptions = recording.answers.map(({ subject, data }) =>
    nats.subscribe(subject, { callback: (_error, message) => void message.respond(JSON.stringify(data)) }),
  );
  for (const message of recording.messages) if (isOfHost(message.subject)) await publish(nats, message);
  for (const consumer of consumers) await acknowledgeAll(nats, consumer);
  return { [Symbol.dispose]: () => subscriptions.forEach((subscription) => subscription.unsubscribe()) };
}

async function makeConsumers(
  nats: NatsConnection,
  { consumers }: Pick<Recording, "consumers">,
): Promise<void> {
  const manager = await jetstreamManager(nats);
  for (const { stream, config } of consumers) await manager.consumers.add(stream, config);
}

async function publish(
  nats: NatsConnection,
  { subject, headers: fields, data }: RecordedMessage,
): Promise<void> {
  const sent = headers();
  for (const [name, value] of Object.entries(fields)) sent.set(name, value);
  await jetstream(nats).publish(subject, JSON.stringify(data), { headers: sent });
}

async function acknowledgeAll(
  nats: NatsConnection,
  { stream, config: { durable_name: name } }: Recording["consumers"][number],
): Promise<void> {
  const consumer = await jetstream(nats).consumers.get(stream, name);
  const { num_pending: pending } = await consumer.info();
  for (let left = pending; left > 0; left--) await (await consumer.next())?.ackAck();
}
