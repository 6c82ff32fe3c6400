// A process of gate.bench.ts: participants that proceed at once, each as someone who reads docs/hooks.md writes it
// (pull, answer, acknowledge), and one that answers a bare request.
//
//   node gate-participants.js NATS_URL NAME...
import { jetstream } from "@nats-io/jetstream";
import { connect } from "nats";
import type { CloudEvent } from "../shared/contract/messages.ts";
import { STREAMS, consumers } from "../shared/contract/subjects.ts";
import { ECHO } from "./echo-subject.ts";

const [server = "", ...names] = process.argv.slice(2);
const nats = await connect({ servers: server });
const js = jetstream(nats);

if (names.length === 0) nats.subscribe(ECHO, { callback: (_error, message) => void message.respond() });
for (const name of names) void answer(name);
await nats.flush();
process.send?.("ready");

async function answer(name: string): Promise<void> {
  const consumer = await js.consumers.get(STREAMS.hooks, consumers.gate(name));
  for await (const message of await consumer.consume({ max_messages: 4 })) {
    const { verdictsubject } = message.json<CloudEvent>();
    await js.publish(verdictsubject.replace("{participant}", name), '{"verdict":"proceed"}');
    message.ack();
  }
}
