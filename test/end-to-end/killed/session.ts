// What several batches on one host have in common: NATS, the poller and the hook-executor with its scripts.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, engine } from "../../bed/bed.ts";
import { type Stack, startStack } from "../../support/stack.ts";

/** As many are updated side by side. */
export const AT_MOST = 16;
/** A container that ends at once takes a while for that on a busy machine. */
export const SETTLE_MS = 1000;

export interface Session extends AsyncDisposable {
  readonly h: Engine;
  /** Number of the host in the bed. */
  readonly host: number;
  readonly stack: Stack;
  /** The folder in which NATS keeps its streams. */
  readonly store: string;
  /** For names that no container of the session has had. */
  readonly nextKey: () => number;
  /** after_update refuses these containers from now on. */
  readonly refuse: (names: readonly string[]) => Promise<void>;
  /** Ids of the events that scripts were run for, one for each time. */
  readonly noted: () => Promise<readonly string[]>;
}

export async function openSession(host: number): Promise<Session> {
  const h = engine(host);
  const store = await mkdtemp(join(tmpdir(), "nats-store-"));
  const stack = await startStack({
    engine: h,
    services: ["updater", "hook-executor", "poller"],
    nats: { store },
    env: {
      INTERVAL: "1d", // it looks when it is asked to
      SETTLE_TIME: `${SETTLE_MS}ms`,
      SWAPS: String(AT_MOST),
      STOP_AFTER_FAILURES: "0",
    },
  });
  const [notes, refused] = [join(stack.folder, "notes"), join(stack.folder, "refused")];
  await mkdir(refused);
  await writeScripts(stack, { notes, refused });
  await stack.check(); // then the updater has made the streams
  await stack.services.updater?.[Symbol.asyncDispose]();
  let key = 0;
  return {
    ...{ h, host, stack, store },
    nextKey: () => key++,
    refuse: async (names) => {
      for (const name of names) await writeFile(join(refused, name), "");
    },
    noted: async () =>
      (await readFile(notes, "utf8").catch(() => "")).split("\n").filter((line) => line !== ""),
    [Symbol.asyncDispose]: async () => {
      try {
        await stack[Symbol.asyncDispose]();
      } finally {
        await rm(store, { recursive: true, force: true });
      }
    },
  };
}

const NOTED = [
  "updates_enumerated",
  "before_stop_depends_container",
  "before_update",
  "after_update",
  "before_start_depends_container",
  "before_recreate_hard_depends_container",
  "after_recreate_hard_depends_container",
];

/** Each hook's script notes the event's id; the one of after_update refuses whom a file in `refused` names. */
async function writeScripts(
  stack: Stack,
  { notes, refused }: { readonly notes: string; readonly refused: string },
): Promise<void> {
  for (const hook of NOTED) {
    const lines = ["#!/bin/sh", `echo "$OUROBOROS_EVENT_ID" >> ${notes}`];
    if (hook === "after_update") lines.push(`[ ! -e "${refused}/$OUROBOROS_CONTAINER_NAME" ]`);
    await stack.script(`${hook}/note`, `${lines.join("\n")}\n`);
  }
}
