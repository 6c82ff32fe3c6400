// Parses what a poller answers to `status` and `look`. Pure.
import * as z from "zod";
import { tagReport } from "../../shared/contract/payloads.ts";
import { CheckResult } from "./output-schemas.ts";

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

/** The parts of a poller's answer to `status` that the commands read. */
export const PollerStatus = z.object({
  last: z
    .object({
      ended_at: z.string(),
      outcome: z.object({ kind: z.string(), because: z.string().optional() }),
      asked: z.number().optional(),
      unanswered: z.number().optional(),
      lagging: z.array(z.object({ mirror: z.string() })).default([]),
      failures: z.array(z.object({ because: z.string(), containers: z.array(z.string()) })).default([]),
      unseen: z.array(z.object({ name: z.string(), because: z.string() })).default([]),
      swarm: SwarmNote.optional(),
      left: z.array(PolledContainerSchema).default([]),
      due: z.array(PolledContainerSchema).default([]),
    })
    .nullable(),
});
export type PollerStatus = z.infer<typeof PollerStatus>;

/** A poller's answer to `look`. */
export const PollerLook = z.object({
  looked_at: z.string(),
  containers: z.array(CheckResult.omit({ host: true })),
  unseen: z.array(z.object({ name: z.string(), because: z.string() })),
  names: z.array(z.string()),
  advice: z.string().optional(),
  swarm: SwarmNote.optional(),
});
export type PollerLook = z.infer<typeof PollerLook>;

/** What a poller answers that could not do what it was asked. */
export const PollerFailure = z.object({ error: z.string() });

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
