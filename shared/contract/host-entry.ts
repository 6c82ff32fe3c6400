// What others read of a host's entry in KV OUROBOROS_HOSTS: `ouroboros status`, and the observers. The poller writes it.
import * as z from "zod";
import { Mode } from "./hooks.ts";
import { parseJson } from "./messages.ts";
import { RateLimit } from "./rate-limit.ts";

const When = z.string().describe("RFC 3339.");

/** A container for which a registry was asked. */
export const MonitoredContainer = z.object({
  container: z.string(),
  image: z.string(),
  version: z.string().optional().describe("Version of the image that it runs, by its label."),
  digest: z.string().optional().describe("The registry's digest of the image that it runs."),
  newer: z.string().optional().describe("Digest of a newer image, also of one that is held."),
  follows: z
    .string()
    .optional()
    .describe("The tag that it follows by its tag policy, where that is another."),
  beyond: z
    .string()
    .optional()
    .describe("The highest later release of its variant that its tag policy does not take."),
});
export type MonitoredContainer = z.infer<typeof MonitoredContainer>;

/** The host's last scheduled cycle. Lists are cut, so that the entry stays small. */
export const CycleSummary = z.object({
  looked_at: When.optional().describe("When it read the Engine."),
  socket: z.string().describe("The Engine, as DOCKER_SOCKETS names it."),
  mode: Mode,
  next_poll: When.nullable(),
  monitored: z.number().int().describe("For how many containers a registry was asked."),
  unanswered: z.number().int().describe("For how many of them no registry gave a digest."),
  updates: z
    .array(z.object({ container: z.string(), image: z.string(), digest: z.string() }))
    .describe("Containers with a newer image that is not held."),
  containers: z
    .array(MonitoredContainer)
    .optional()
    .describe("The monitored containers by name, the first of them where there are many."),
  failures: z
    .array(z.object({ because: z.string(), containers: z.array(z.string()) }))
    .describe("Why registries gave no digest."),
});
export type CycleSummary = z.infer<typeof CycleSummary>;

export const MAX_LISTED = 200;

export const HostEntry = z.object({
  engine_id: z.string(),
  versions: z.object({ ouroboros: z.string(), api: z.string() }),
  last_seen: When,
  last_poll: When.nullable(),
  last_plan: z.object({ run: z.string(), at: When, containers: z.array(z.string()).default([]) }).nullable(),
  budgets: z
    .record(z.string(), RateLimit)
    .optional()
    .describe("How often each registry may still be asked, as it told last."),
  labels: z
    .array(z.string())
    .optional()
    .describe("Labels of the Engine, `key=value`; the first of them where there are many."),
  cycle: CycleSummary.optional(),
});
export type HostEntry = z.infer<typeof HostEntry>;

/** Undefined where the text is no host's entry. */
export const parseHostEntry = (text = ""): HostEntry | undefined => HostEntry.safeParse(parseJson(text)).data;
