// A hook-executor's surroundings for a test: a NATS server with the streams, a hooks folder, and what the updater does.
import { type ConsumerInfo, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, connect, nanos } from "nats";
import { getNextMessage } from "../../../shared/nats/jetstream.ts";
import { type NoticeName, hookNames, noticeNames } from "../../../shared/contract/hooks.ts";
import {
  type CloudEvent,
  type Notice,
  type Verdict,
  parseVerdict,
} from "../../../shared/contract/messages.ts";
import { STREAMS, consumers, executorParticipant, subjects } from "../../../shared/contract/subjects.ts";
import { ensureConsumer, hookConsumer, noticesConsumer } from "../../../shared/nats/durable-consumers.ts";
import { ensureTopology } from "../../../shared/nats/topology.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import { type Executor, HOST, type HooksFolder, hooksFolder, startExecutor, until } from "./scene.ts";

export interface Stage extends AsyncDisposable {
  readonly server: NatsServer;
  readonly nats: NatsConnection;
  readonly folder: HooksFolder;
  /** The durable consumer of a participant, the hook-executor's by default. */
  readonly makeConsumer: (of?: {
    readonly host?: string;
    readonly participant?: string;
    readonly ackWaitMs?: number;
    /** By default those of all hooks, as the product has them: without the notices. */
    readonly filters?: readonly string[];
  }) => Promise<void>;
  /** The consumer by which a participant hears what is over on all hosts. */
  readonly makeNoticesConsumer: (participant: string) => Promise<void>;
  readonly removeConsumer: () => Promise<unknown>;
  readonly consumer: (participant?: string) => Promise<ConsumerInfo>;
  /** Every event was acknowledged or given up. */
  readonly settled: (participant?: string) => Promise<unknown>;
  /** Publishes a before_update event of the host its data names. */
  readonly publish: (event: CloudEvent) => Promise<unknown>;
  readonly publishNotice: (notice: Notice) => Promise<unknown>;
  /** A participant's verdict, the hook-executor's by default; awaited. */
  readonly verdictOn: (event: CloudEvent, participant?: string) => Promise<Verdict>;
  /** How many messages there are in the verdict stream. */
  readonly stored: () => Promise<number>;
  /** Puts a shell script at before_update. */
  readonly sh: (text: string) => Promise<unknown>;
  readonly start: (env?: NodeJS.ProcessEnv) => Executor;
}

const hostOf = (event: CloudEvent) => event.data["host"] as string;

/** `config` is the NATS server's; if there is one, it must have a user `all` with that password. */
export async function openStage(config?: string): Promise<Stage> {
  const server = await startNats(config === undefined ? {} : { config });
  const nats = await connect({
    servers: server.url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    ...(config !== undefined && { user: "all", pass: "all" }),
  });
  const manager = await jetstreamManager(nats);
  await ensureTopology(nats, manager);
  const folder = await hooksFolder();
  const consumer = (participant = executorParticipant(HOST)) =>
    manager.consumers.info(STREAMS.hooks, consumers.gate(participant));
  return {
    server,
    nats,
    folder,
    makeConsumer: ({
      host = HOST,
      participant = executorParticipant(host),
      ackWaitMs = 30_000,
      filters = hookNames.map((hook) => subjects.hooksOf(host, hook)),
    } = {}) =>
      ensureConsumer(
        manager,
        STREAMS.hooks,
        hookConsumer(consumers.gate(participant), filters, { ack_wait: nanos(ackWaitMs) }),
      ),
    makeNoticesConsumer: (participant) =>
      ensureConsumer(manager, STREAMS.hooks, noticesConsumer(participant, ["*"], noticeNames)),
    removeConsumer: () => manager.consumers.delete(STREAMS.hooks, consumers.gate(executorParticipant(HOST))),
    consumer,
    settled: (participant) =>
      until("every event is settled", async () => {
        const { num_pending, num_ack_pending } = await consumer(participant);
        return num_pending + num_ack_pending === 0;
      }),
    publish: (event) =>
      jetstream(nats).publish(
        subjects.hook({ host: hostOf(event), hook: "before_update", container: "app", event: event.id }),
        JSON.stringify(event),
      ),
    publishNotice: (notice) =>
      jetstream(nats).publish(
        subjects.hook({
          host: notice.data["host"] as string,
          hook: (notice.type.split(".")[1] ?? "") as NoticeName,
          container: notice.subject === "" ? null : notice.subject,
          event: notice.id,
        }),
        JSON.stringify(notice),
      ),
    verdictOn: (event, participant = executorParticipant(hostOf(event))) =>
      until(`a verdict on ${event.id}`, async () => {
        const subject = subjects.verdict(hostOf(event), participant, event.id);
        for (let seq = 1; ; seq += 1) {
          const message = await getNextMessage(manager, STREAMS.verdicts, subject, seq).catch(
            () => undefined,
          );
          if (message === undefined) return undefined;
          seq = message.seq;
          const verdict = parseVerdict({ text: message.string(), fromStream: false });
          if (verdict !== undefined) return verdict;
        }
      }),
    stored: async () => (await manager.streams.info(STREAMS.verdicts)).state.messages,
    sh: (text) => folder.put("before_update/hook.sh", `#!/bin/sh\n${text}\n`),
    start: (env = {}) =>
      startExecutor({ NATS_URL: server.url, HOOKS_DIR: folder.path, OUROBOROS_HOST: HOST, ...env }),
    [Symbol.asyncDispose]: async () => {
      await nats.close();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
