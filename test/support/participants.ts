// Participants of a test: registered as an operator does it, then asked like any program on another machine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type ConsumerMessages, jetstream } from "@nats-io/jetstream";
import { systemClock } from "../../shared/clock.ts";
import type { HookName } from "../../shared/contract/hooks.ts";
import type { CloudEvent } from "../../shared/contract/messages.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import type { Stack } from "./stack.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/main.js");

/** The program `ouroboros` with the stack's NATS. */
export async function runOuroboros(
  stack: Stack,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const env = { PATH: process.env["PATH"], NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] };
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...env, ...stack.access },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [[code], out, err] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, out, err };
}

/** What a participant may do with an event beside answering it. */
export interface Tools {
  readonly hook: string;
  readonly verdictSubject: string;
  readonly progress: () => void;
}

/** Its verdict, an object or text; undefined for none. */
export type Answer = (event: CloudEvent, tools: Tools) => unknown;

export interface RegisteredParticipant extends AsyncDisposable {
  /** `before_update web`, in the order in which it was asked. */
  readonly asked: readonly string[];
  readonly events: readonly CloudEvent[];
}

/** `flags` as for `ouroboros participant add`. */
export async function addParticipant(
  stack: Stack,
  name: string,
  { hooks, flags = [] }: { readonly hooks: readonly HookName[]; readonly flags?: readonly string[] },
  answer: Answer,
): Promise<RegisteredParticipant> {
  const added = await runOuroboros(stack, "participant", "add", name, "--hooks", hooks.join(","), ...flags);
  if (added.code !== 0) throw new Error(added.err);
  const js = jetstream(stack.nats);
  const messages = await (await js.consumers.get(STREAMS.hooks, consumers.gate(name))).consume();
  const events: CloudEvent[] = [];
  const working = work(messages, async (event, subject) => {
    events.push(event);
    const verdictSubject = event.verdictsubject.replace("{participant}", name);
    const progressSubject = event.progresssubject.replace("{participant}", name);
    const tools = {
      hook: subject.split(".")[3] ?? "",
      verdictSubject,
      progress: () => stack.nats.publish(progressSubject),
    };
    const verdict = await answer(event, tools);
    if (verdict !== undefined)
      await js.publish(verdictSubject, typeof verdict === "string" ? verdict : JSON.stringify(verdict));
  });
  return {
    events,
    get asked() {
      return events.map(({ type, subject }) => `${type.split(".")[1] ?? ""} ${subject}`.trim());
    },
    [Symbol.asyncDispose]: async () => {
      await messages.close();
      await working;
    },
  };
}

type Take = (event: CloudEvent, subject: string) => Promise<void>;

/** Each event is worked on by itself: one that takes long does not hold the others. */
async function work(messages: ConsumerMessages, take: Take): Promise<void> {
  const all: Promise<void>[] = [];
  for await (const message of messages)
    all.push(
      (async () => {
        using _alive = systemClock.every(5000, () => message.working()); // or it would be asked again
        await take(message.json<CloudEvent>(), message.subject);
        message.ack();
      })(),
    );
  await Promise.all(all);
}
