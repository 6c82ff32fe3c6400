#!/usr/bin/env node
// In the place of the `nats` command line, which is in no package registry: the two commands that participant.sh uses,
// with the options that nats 0.4 documents and no others, against the real server at NATS_URL.
import { parseArgs } from "node:util";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "nats";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    timeout: { type: "string", default: "5s" },
    raw: { type: "boolean", short: "r" },
    jetstream: { type: "boolean", short: "J" },
  },
});
const nats = await connect({ servers: process.env.NATS_URL });
const [command, ...words] = positionals;
const timeout = Number.parseInt(values.timeout, 10) * 1000;
if (command === "consumer" && words[0] === "next" && words.length === 3 && values.raw) {
  const consumer = await jetstream(nats).consumers.get(words[1], words[2]);
  const message = await consumer.next({ expires: timeout });
  if (message === null) process.exitCode = 1;
  else console.log(message.string());
  message?.ack();
} else if (command === "pub" && words.length === 2) {
  if (/\{\{/.test(words[1])) throw new Error("a body with a template");
  if (values.jetstream) await jetstream(nats).publish(words[0], words[1], { timeout });
  else nats.publish(words[0], words[1]);
} else throw new Error(`not understood: ${process.argv.slice(2).join(" ")}`);
await nats.drain();
