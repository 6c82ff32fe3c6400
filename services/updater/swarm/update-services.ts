// The services of a run: which of the plan's still hold, and in which order they are updated. A service is updated
// before those that its depends_on labels name, none of which is stopped.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { serviceFailures } from "../../../shared/catalogue/swarm-reasons.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { groupServices } from "../../../shared/containers/update-groups.ts";
import { whyLeftAlone, whyOnlyMonitored } from "../../../shared/containers/watch-list.ts";
import { isEngineUnreachable } from "../../../shared/docker/engine.ts";
import {
  Expired,
  FailureLimitReached,
  Fenced,
  NatsAwayTooLong,
  Suspended,
  explain,
} from "../../../shared/errors.ts";
import { factsOfService, findOwnServices, readServices } from "../../../shared/swarm/read-services.ts";
import { finishContainer } from "../plan/finish-container.ts";
import { whyUntouched } from "../plan/report-groups.ts";
import { entryFrom, factsOfPlanned, whyPlanExpired } from "../plan/revalidate-plan.ts";
import type { Plan, PlannedContainer } from "../plan/plan-message.ts";
import type { Run, UpdateEntry } from "../updater.ts";
import { awaitService, findApplying } from "./apply-update.ts";
import { findReverting } from "./revert-update.ts";
import { askInsteadOfUpdate } from "./service-hooks.ts";
import { NoManagerAnyMore } from "./swarm-absence.ts";
import { updateService } from "./update-service.ts";

interface PlanAge {
  readonly isNew: boolean;
  /** Milliseconds. */
  readonly limit: number;
}

/** The planned services that still hold; the others are ended here. */
export async function revalidateServices(run: Run, plan: Plan, age: PlanAge): Promise<UpdateEntry[]> {
  const planned = plan.containers.filter(({ isService }) => isService);
  if (planned.length === 0) return [];
  const seen = await lookAtServices(run);
  const planProblem = whyPlanExpired(run, plan, age);
  const entries: UpdateEntry[] = [];
  for (const service of planned) {
    const facts = "because" in seen ? undefined : seen.facts.find(({ id }) => id === service.id);
    const entry = entryFrom(service, facts ?? factsOfPlanned(service), run.bus.context.settings);
    if (findApplying(run, service.name) !== undefined) {
      entries.push(entry); // what was begun is finished, whatever the service is now
      continue;
    }
    const because = planProblem ?? ("because" in seen ? seen.because : whyExpired(run, service, facts));
    if (because === undefined) entries.push(entry);
    else await finishContainer(run, entry, { end: "expired", because, by: "updater" });
  }
  return entries.filter(({ facts }) => run.journal.findResult(facts.name) === undefined);
}

async function lookAtServices({
  bus,
}: Run): Promise<{ readonly facts: readonly ContainerFacts[] } | { readonly because: string }> {
  const { engine, own } = bus.host;
  const found = await readServices(engine);
  if ("because" in found) return found;
  const ownServices = await findOwnServices(engine, own);
  return { facts: found.services.map((service) => factsOfService(service, ownServices)) };
}

function whyExpired(
  { bus }: Run,
  planned: PlannedContainer,
  facts: ContainerFacts | undefined,
): string | undefined {
  const { settings } = bus.context;
  if (settings.SWARM === false) return "SWARM is not set for the updater";
  if (facts?.name !== planned.name) return reasonOf(serviceFailures.gone);
  if (facts.imageId !== planned.imageId) return "it has another image by now";
  return whyLeftAlone(facts, { settings, all: [] }) ?? whyOnlyMonitored(facts, settings.COMPAT_LABELS);
}

/** Groups side by side, each in its order. */
export async function updateServices(
  run: Run,
  entries: readonly UpdateEntry[],
): Promise<(() => Promise<void>)[]> {
  const { groups, skipped } = groupServices(
    entries.map(({ facts }) => facts),
    entries.map(({ facts }) => facts),
  );
  const entryOf = (facts: ContainerFacts): UpdateEntry[] => entries.filter((entry) => entry.facts === facts);
  for (const { container, because } of skipped)
    for (const entry of entryOf(container))
      await finishContainer(run, entry, { end: "failed", because, by: "updater" });
  return groups.map(({ updates }) => async () => {
    for (const entry of updates.flatMap(entryOf)) await orFail(run, entry, updateService);
  });
}

/** One service's trouble is its own. @throws what concerns the whole run */
async function orFail(
  run: Run,
  entry: UpdateEntry,
  work: (run: Run, entry: UpdateEntry) => Promise<void>,
): Promise<void> {
  try {
    await work(run, entry);
  } catch (error) {
    if (concernsRun(run, error)) throw error;
    const because = explain(error);
    const reverting = error instanceof NoManagerAnyMore ? findReverting(run, entry.facts.name) : undefined;
    if (reverting !== undefined) {
      // what was refused, or failed, still runs, and this node may change nothing any more
      const both = `${reverting.because}; ${because}`;
      return finishContainer(run, entry, { end: "stuck", because: both, by: "updater" });
    }
    if (error instanceof Expired || error instanceof FailureLimitReached) {
      const end = error instanceof Expired ? "expired" : "deferred";
      return finishContainer(run, entry, { end, because, by: "updater" });
    }
    run.log.error({ container: entry.facts.name, err: error }, "the service could not be updated");
    await finishContainer(run, entry, { end: "failed", because, by: "updater" });
  }
}

const concernsRun = ({ bus }: Run, error: unknown): boolean =>
  [Fenced, Suspended, NatsAwayTooLong].some((kind) => error instanceof kind) ||
  bus.signal.aborted ||
  bus.nats.isClosed() ||
  isEngineUnreachable(error);

/** Dry run and monitor mode: asks, and touches nothing. */
export const reportServices = (run: Run, entries: readonly UpdateEntry[]): (() => Promise<void>)[] =>
  entries.map((entry) => () => orFail(run, entry, reportService));

async function reportService(run: Run, entry: UpdateEntry): Promise<void> {
  const from = entry.facts.imageId;
  const service = await awaitService(run, entry.facts.id);
  if (service === undefined) throw new Expired(reasonOf(serviceFailures.gone));
  await askInsteadOfUpdate(run, { entry, service, from });
  const because = whyUntouched(run.mode);
  await finishContainer(run, entry, { end: "noted", because, by: "updater", from });
}
