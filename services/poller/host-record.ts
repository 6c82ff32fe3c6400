// The host's entry in KV OUROBOROS_HOSTS: which Engine has the name, and what the poller remembers across restarts.
// Written by compare-and-set. An Engine that finds another Engine's entry under its name stops.
import type { KV } from "@nats-io/kv";
import * as z from "zod";
import { iso } from "../../shared/clock.ts";
import { CredentialsBound } from "../../shared/registry/bound-registry.ts";
import { explain } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { settingErrors } from "../../shared/catalogue/start-errors.ts";
import { retry } from "../../shared/retry.ts";
import { isConflict } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { OWN_VERSION } from "../../shared/runtime/own-version.ts";
import type { Host } from "../../shared/runtime/run-service.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import type { Polling } from "./polling.ts";
import { HostEntry } from "../../shared/contract/host-entry.ts";
import { MirrorLag } from "./mirror-lag.ts";

const When = z.string().describe("RFC 3339.");

export const HostRecord = z.looseObject({
  ...HostEntry.shape,
  credentials_bound: CredentialsBound.optional().describe(
    "Which registry REPO_USER is for, where REPO_REGISTRY does not say.",
  ),
  mirrors: z
    .object({
      asked_at: When.describe("When a registry behind a mirror was asked last."),
      lagging: z.record(z.string(), MirrorLag),
    })
    .optional()
    .describe("Tags that a mirror of the Engine's serves otherwise than their registry has them."),
  acted: z.boolean().optional().describe("Whether a plan that changes containers was published for it."),
  announced: z.array(z.string()).describe("Monitor only: what was reported already, a hash for each group."),
  known_images: z
    .array(z.string())
    .optional()
    .describe("Images that a registry has said are of the repository they run under, a hash for each."),
});
export type HostRecord = z.infer<typeof HostRecord>;

/** Another Engine has the name. The message says all a person needs. */
export class HostNameTaken extends Error {
  override readonly name = "HostNameTaken";
}

const RETRY_MS = 500;
/** A new installation's updater takes a moment to create the streams and buckets: that is not worth a line. */
const LOG_AFTER_TRIES = 3;

/**
 * Applies `change` to the host's entry and returns the result. A missing or unreadable entry is created anew.
 * @throws HostNameTaken, and the NATS client's errors.
 */
export async function updateHostRecord(
  bucket: KV,
  { name, engine }: Host,
  now: number,
  change: (before: HostRecord) => Partial<HostRecord>,
): Promise<HostRecord> {
  const key = encodeToken(name);
  for (;;) {
    const entry = await bucket.get(key);
    const before = HostRecord.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : ""));
    if (before.success && before.data.engine_id !== engine.id)
      throw hostNameTaken(name, before.data, engine.id);
    const current: HostRecord = {
      ...(before.success ? before.data : { last_poll: null, last_plan: null, announced: [] }),
      engine_id: engine.id,
      versions: { ouroboros: OWN_VERSION, api: engine.api },
      labels: [...engine.labels],
      last_seen: iso(now),
    };
    const after = { ...current, ...change(current) };
    try {
      await bucket.put(key, JSON.stringify(after), { previousSeq: entry?.revision ?? 0 });
      return after;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

/**
 * Like `updateHostRecord`, tried until NATS accepts it or the signal aborts; logs `waiting` once if that takes long.
 * @throws HostNameTaken
 */
export async function retryUpdateHostRecord(
  { nats, hosts, host, log, clock, signal }: Polling,
  waiting: string,
  change: (before: HostRecord) => Partial<HostRecord>,
): Promise<void> {
  const onFailure = (error: unknown, attempts: number): void => {
    if (error instanceof HostNameTaken || nats.isClosed()) throw error;
    if (attempts === LOG_AFTER_TRIES) log.info({ because: explain(error) }, waiting);
  };
  await retry(() => updateHostRecord(hosts, host, clock.now(), change), {
    ...{ clock, signal, intervalMs: RETRY_MS, onFailure },
  });
}

const hostNameTaken = (name: string, { engine_id, last_seen }: HostRecord, ours: string): HostNameTaken =>
  new HostNameTaken(
    messageOf(settingErrors.hostNameTaken, { name, engine: engine_id, seen: last_seen, ours }),
  );
