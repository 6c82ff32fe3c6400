// The plan as the event updates_enumerated, and how a plan that is too large for one event is split. Pure.
import { createHash } from "node:crypto";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { describeRemoteImage } from "../../../shared/containers/payloads-from-engine.ts";
import { redactLocals } from "../../../shared/containers/event-redaction.ts";
import type { EventContext, Locals } from "../../../shared/contract/hooks.ts";
import { type CloudEvent, MAX_EVENT_BYTES, makeEvent } from "../../../shared/contract/messages.ts";
import type { ContainerPayload } from "../../../shared/contract/payloads.ts";
import { eventId } from "../../../shared/contract/subjects.ts";
import type { PlannedEntry, PlannedGroup } from "./plan.ts";
import type { EngineSnapshot } from "../engine-snapshot.ts";

const HOOK = "updates_enumerated";
/** A plan that grows beyond this is split between groups. */
const CUT_BYTES = 200 * 1024;
/** The limit for one group, which cannot be split. The message's headers count against the stream's limit, too. */
const MAX_GROUP_BYTES = MAX_EVENT_BYTES - 4 * 1024;
/** Room for the event's other fields. */
const FRAME_BYTES = 2 * 1024;

type PlannedSnapshot = Pick<EngineSnapshot, "containers" | "services" | "images"> & {
  /** The setting EVENT_LABELS. */
  readonly labels: readonly string[];
};

/** `time` is RFC 3339. @throws Error for a group with a container that is not in the snapshot. */
export function planEvent(
  context: EventContext,
  time: string,
  groups: readonly PlannedGroup[],
  snapshot: PlannedSnapshot,
): CloudEvent {
  return makeEvent({
    id: eventId(context.run, HOOK, null),
    hook: HOOK,
    service: "poller",
    container: null,
    time,
    context,
    locals: mergeLocals(groups.map((group) => localsOf(group, snapshot))),
  });
}

/** The hook's locals for one group, without the labels that others must not see; shortened where they do not fit. */
function localsOf({ entries, ...group }: PlannedGroup, snapshot: PlannedSnapshot): Locals<typeof HOOK> {
  const describe = ({ id }: ContainerFacts): ContainerPayload => findById(snapshot.containers, id);
  const imagesOf = ({ facts, ref, digest }: PlannedEntry) => ({
    current_image: findById(snapshot.images, facts.imageId),
    latest_image: describeRemoteImage(ref.familiar, ref.name, digest),
  });
  const services = entries.filter(({ facts }) => facts.service !== undefined);
  const locals = {
    updateable: entries
      .filter((entry) => !services.includes(entry))
      .map((entry) => ({
        ...{ container: describe(entry.facts), ...imagesOf(entry) },
        ...(entry.move !== undefined && { tag: entry.move }),
      })),
    ...(services.length > 0 && {
      updateable_services: services.map((entry) => ({
        service: findById(snapshot.services, entry.facts.id),
        ...imagesOf(entry),
      })),
    }),
    depends_on_containers: group.dependencies.map(describe),
    hard_depends_on_containers: group.hardDependencies.map(describe),
  };
  return redactLocals(locals, snapshot.labels, MAX_GROUP_BYTES - FRAME_BYTES);
}

const mergeLocals = (all: readonly Locals<typeof HOOK>[]): Locals<typeof HOOK> => ({
  updateable: all.flatMap(({ updateable }) => updateable),
  ...servicesIn(all),
  depends_on_containers: all.flatMap(({ depends_on_containers: containers }) => containers),
  hard_depends_on_containers: all.flatMap(({ hard_depends_on_containers: containers }) => containers),
});

function servicesIn(all: readonly Locals<typeof HOOK>[]): Pick<Locals<typeof HOOK>, "updateable_services"> {
  const services = all.flatMap(({ updateable_services: updateable = [] }) => updateable);
  return services.length === 0 ? {} : { updateable_services: services };
}

function findById<T>(map: ReadonlyMap<string, T>, id: string): T {
  const found = map.get(id);
  if (found === undefined) throw new Error(`${id} was not seen on the Engine`);
  return found;
}

interface PlanParts {
  readonly now: readonly PlannedGroup[];
  /** Left for the next plan. */
  readonly rest: readonly PlannedGroup[];
  /** Groups that fit in no plan. */
  readonly tooLarge: readonly PlannedGroup[];
}

/** Takes as many groups as fit in one plan, in their order, and at least one. */
export function splitPlan(groups: readonly PlannedGroup[], snapshot: PlannedSnapshot): PlanParts {
  const sized = groups.map((group) => ({
    group,
    bytes: Buffer.byteLength(JSON.stringify(localsOf(group, snapshot))),
  }));
  const fitting = sized.filter(({ bytes }) => FRAME_BYTES + bytes <= MAX_GROUP_BYTES);
  let total = FRAME_BYTES;
  const firstTooMuch = fitting.findIndex(({ bytes }, n) => (total += bytes) > CUT_BYTES && n > 0);
  const end = firstTooMuch < 0 ? fitting.length : firstTooMuch;
  return {
    now: fitting.slice(0, end).map(({ group }) => group),
    rest: fitting.slice(end).map(({ group }) => group),
    tooLarge: sized.filter((group) => !fitting.includes(group)).map(({ group }) => group),
  };
}

/** Identifies a group: equal when the same containers move to the same images. */
export function fingerprint({ entries }: PlannedGroup): string {
  const parts = entries.map(({ facts, digest }) => `${facts.id}@${digest}`).sort();
  return createHash("sha256").update(parts.join()).digest("base64url").slice(0, 16);
}
