// What a poller and an updater answer to `status`. Optional is what services of earlier versions do not say. Pure.
import * as z from "zod";
import { tagReport } from "./payloads.ts";

const PolledContainerSchema = z.object({
  container: z.string(),
  id: z.string(),
  image: z.string(),
  because: z.string(),
  tag: tagReport().optional(),
});
export type PolledContainer = z.infer<typeof PolledContainerSchema>;

/** With SWARM: why no service is looked at; `isWrong` where a person has to do something. */
export const SwarmNote = z.object({ because: z.string(), isWrong: z.boolean() });

const LastPollSchema = z.object({
  ended_at: z.string(),
  outcome: z.object({ kind: z.string(), because: z.string().optional() }),
  asked: z.number().optional(),
  unanswered: z.number().optional(),
  lagging: z
    .array(z.object({ mirror: z.string() }))
    .readonly()
    .default([]),
  warnings: z.array(z.string()).default([]),
  failures: z.array(z.object({ because: z.string(), containers: z.array(z.string()) })).default([]),
  unseen: z
    .array(z.object({ name: z.string(), because: z.string() }))
    .readonly()
    .default([]),
  swarm: SwarmNote.optional(),
  left: z.array(PolledContainerSchema).default([]),
  due: z.array(PolledContainerSchema).default([]),
});
/** As the poller sends it. */
export type LastPollReport = z.input<typeof LastPollSchema>;

export const PollerStatus = z.object({ last: LastPollSchema.nullable() });
export type PollerStatus = z.infer<typeof PollerStatus>;
export type PollerStatusReport = z.input<typeof PollerStatus>;

export const UpdateCounts = z.object({
  since: z.string().describe("RFC 3339: when counting began, not when the updater was started."),
  all: z.number(),
  containers: z.record(z.string(), z.number()),
});

export const UpdaterStatus = z.object({
  state: z.enum(["busy", "idle"]),
  run: z.string().nullish(),
  updates: UpdateCounts.optional(),
  trouble: z.array(z.string()).optional(),
  /** Its last recovery: the run that it resumed, and what became of the swaps that no run went on with. */
  recovered: z
    .object({
      run: z.string().nullish(),
      stuck: z.array(z.string()),
      mended: z.array(z.object({ container: z.string(), run: z.string() })).default([]),
    })
    .optional(),
});
export type UpdaterStatus = z.infer<typeof UpdaterStatus>;
/** As the updater sends it. */
export type UpdaterStatusReport = z.input<typeof UpdaterStatus>;

export const listPolledContainers = ({ last }: PollerStatus): PolledContainer[] =>
  [...(last?.left ?? []), ...(last?.due ?? [])].sort((a, b) => (a.container < b.container ? -1 : 1));

/** By name, by id, or by the start of an id. */
export function findPolledContainer({ last }: PollerStatus, nameOrId: string): PolledContainer | undefined {
  return [...(last?.left ?? []), ...(last?.due ?? [])].find(
    ({ container, id }) => container === nameOrId || (nameOrId.length >= 12 && id.startsWith(nameOrId)),
  );
}

/** Why a poller that answers knows nothing about its containers; undefined where it does. */
export function whyNothingKnown({ last }: PollerStatus): string | undefined {
  if (last === null) return "its poller has not finished a poll yet";
  return last.outcome.kind === "failed" ? `its last poll failed: ${last.outcome.because ?? ""}` : undefined;
}
