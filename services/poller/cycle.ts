// One cycle: look at the Engine, ask the registries, decide, publish.
import type { KV } from "@nats-io/kv";
import { worthTelling } from "../../shared/counting-labels.ts";
import { type Facts, isMeant } from "../../shared/container-facts.ts";
import { HeldEntry } from "../../shared/held.ts";
import { iso } from "../../shared/clock.ts";
import { parseJson } from "../../shared/messages.ts";
import { heldKey } from "../../shared/subjects.ts";
import { ourselvesOf } from "../../shared/ourselves.ts";
import { askRegistries } from "./ask-registries.ts";
import { noteHost } from "./host-record.ts";
import { following, refsToAsk } from "./latest.ts";
import type { Unseen } from "../../shared/inspect-all.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { type Left, choose, mayMove, planOf, unknownDependencies } from "./plan.ts";
import { fingerprint } from "./plan-event.ts";
import type { Polling } from "./polling.ts";
import { type Outcome, type Publication, modeOf, publishPlan } from "./publish.ts";
import { lookAt } from "./watch.ts";

/** How many groups are remembered as told. */
const REMEMBERED = 1000;

export interface Cycle {
  readonly outcome: Outcome;
  /** How many containers there are, and of how many the registry was asked. */
  readonly seen: number;
  readonly asked: number;
  /** Whether there is any container that it was about. */
  readonly isThere: boolean;
  /** Names that are due but wait for the next plan. */
  readonly rest: readonly string[];
  /** All that is due, whatever becomes of it. */
  readonly due: readonly Facts[];
  readonly left: readonly Left[];
  /** Labels that a container has from its image and that do not count. */
  readonly ignoredLabels: readonly { readonly container: string; readonly labels: readonly string[] }[];
  /** Left alone because the Engine could not show them. */
  readonly unseen: readonly Unseen[];
  /** How many of those that were asked for got no answer. */
  readonly unanswered: number;
  /** What to set so that more can be asked. */
  readonly advice?: string;
  readonly unknownDependencies: readonly { readonly container: string; readonly names: readonly string[] }[];
}

/** Nothing was learned: no registry gave a digest for any image. */
export const isBlind = ({ asked, unanswered }: Pick<Cycle, "asked" | "unanswered">): boolean =>
  asked > 0 && unanswered === asked;

interface Extent {
  /** Names that are left alone because this program dealt with them already. */
  readonly except?: ReadonlySet<string>;
  /** Name or id of the one container that the operator asks for: whatever is held for it. */
  readonly only?: string;
}

const EVERYTHING: Extent = {};
const ASKED = { reason: "update asked for by the operator" };

/**
 * @throws what the Engine's and NATS' clients throw where one is away, and HostTaken.
 */
export async function cycle(
  polling: Polling,
  { except = new Set(), only }: Extent = EVERYTHING,
): Promise<Cycle> {
  const { host, settings, clock, signal, origins } = polling;
  const sight = await lookAt(host.engine, signal);
  const choice = choose(sight.watched, settings, ourselvesOf(host, settings), origins.images);
  const isWanted = (facts: Facts): boolean => only === undefined || isMeant(facts, only);
  const chosen = choice.candidates.filter(({ facts }) => !except.has(facts.name) && isWanted(facts));
  const isWhole = only === undefined && except.size === 0;
  const refs = refsToAsk(chosen, settings.LATEST_ONLY);
  const { answers, advice } = await askRegistries(polling, refs, { isWhole });
  const candidates = following(chosen, answers, settings.LATEST_ONLY);
  signal.throwIfAborted();
  const moving = candidates.filter((candidate) => mayMove(candidate, answers));
  const found = await origins.of(candidates, answers, signal);
  const mayBeHeld = only === undefined ? moving.map(({ facts }) => facts) : [];
  const held = await heldOf(polling, mayBeHeld);
  const plan = planOf({
    candidates,
    answers,
    held,
    ...found,
    all: sight.facts,
    now: clock.now(),
    compat: settings.COMPAT_LABELS,
  });
  const publication = await publishPlan(polling, plan.groups, sight, only === undefined ? undefined : ASKED);
  await note(polling, publication);
  const leftToo = publication.left.map(({ container }) => container);
  return {
    outcome: publication.outcome,
    seen: sight.facts.length,
    isThere: sight.facts.some(isWanted),
    asked: candidates.length,
    rest: publication.rest.flatMap(({ entries }) => entries.map(({ facts }) => facts.name)),
    due: plan.groups
      .flatMap(({ entries }) => entries.map(({ facts }) => facts))
      .filter((facts) => !leftToo.includes(facts)),
    left: [...choice.left, ...plan.left, ...publication.left],
    ignoredLabels: ignoredLabelsOf(polling, sight.facts),
    unseen: sight.unseen,
    unanswered: candidates.filter(({ ref }) => answers.get(ref.familiar)?.kind !== "digest").length,
    ...(advice !== undefined && { advice }),
    unknownDependencies: sight.facts
      .map((facts) => ({ container: facts.name, names: unknownDependencies(facts, sight.facts) }))
      .filter(({ names }) => names.length > 0),
  };
}

/** Labels of images that concern others and so do not count. Our own image bears some, as it should. */
const ignoredLabelsOf = ({ host, settings }: Polling, all: readonly Facts[]): Cycle["ignoredLabels"] =>
  all
    .filter(({ id }) => !host.own.includes(id))
    .map(({ name, ignored = [] }) => ({
      container: name,
      labels: worthTelling(ignored, settings.COMPAT_LABELS),
    }))
    .filter(({ labels }) => labels.length > 0);

/** Patiently: what was published stays published, whatever becomes of this. */
export async function note(polling: Polling, { outcome, groups }: Publication): Promise<void> {
  const at = iso(polling.clock.now());
  await noteHost(polling, "waiting for NATS to note the cycle", ({ announced }) => ({
    last_poll: at,
    ...(polling.origins.known.size > 0 && { known_images: [...polling.origins.known] }),
    budgets: polling.registries.budgets,
    ...(outcome.kind === "published" && {
      last_plan: { run: outcome.run, at, containers: [...outcome.containers] },
    }),
    ...(modeOf(polling.settings) === "monitor" && {
      announced: [...new Set([...announced, ...groups.map(fingerprint)])].slice(-REMEMBERED),
    }),
  }));
}

/** By container name. An entry that cannot be read holds nothing. */
async function heldOf(
  { held, host, log }: { held: KV } & Pick<Polling, "host" | "log">,
  containers: readonly Facts[],
): Promise<ReadonlyMap<string, HeldEntry>> {
  const found = await inParallel(containers, { all: 16 }, async ({ name }) => {
    const entry = await held.get(heldKey(host.name, name));
    if (entry?.operation !== "PUT") return [];
    const read = HeldEntry.safeParse(parseJson(entry.string()));
    if (read.success) return [[name, read.data] as const];
    log.warn({ container: name, key: entry.key }, "held entry cannot be read");
    return [];
  });
  return new Map(found.flat());
}
