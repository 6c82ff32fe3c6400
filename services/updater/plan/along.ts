// Containers that refer to one that is updated, and are to be updated themselves: parent and children are one
// transaction.
//   A1  All are asked about before the parent is stopped; who may not be updated is recreated on the image it has.
//   A2  The children are recreated on their new images after the parent has proved itself; then they prove themselves.
//   A3  All are kept or all are put back, after after_update was asked for each. What went wrong is held for the one it
//       went wrong with; the others may be tried again without it.
import type { ContainerInspectInfo } from "dockerode";
import { parseImageRef } from "../../../shared/image-ref.ts";
import { isOurs } from "../../../shared/ourselves.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { whatRefersTo } from "../swap/dependants.ts";
import { type Along, type Swap, isUpdated } from "../swap/swap.ts";
import { Timed } from "../swap/timed.ts";
import type { UpdateEntry, Run, Update } from "../updater.ts";
import { isAllowed, isReady } from "./allowed.ts";
import type { Ending } from "./ends.ts";

/** Goes along with the container that it refers to. */
export interface Companion {
  readonly update: Update;
  /** Undefined where an earlier process recreated it. */
  readonly timed?: Timed;
}

interface Parent {
  /** What else its group updates. */
  readonly others: readonly Update[];
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly atMost: number | undefined;
}

/** A1. Those that may go along with `parent`; of the others some are ended here. */
export async function companionsOf(
  run: Run,
  { others, stopped, atMost }: Parent,
  parent: ContainerInspectInfo,
): Promise<Companion[]> {
  const { engine } = run.bus.host;
  if (others.length === 0 || isOurs({ id: parent.Id, labels: parent.Config.Labels }, run.bus.host)) return [];
  const old = parent as unknown as ContainerDocument;
  const found = await whatRefersTo({ engine, references: run.references, old, successor: undefined });
  const companions: Companion[] = [];
  for (const inspect of found) {
    const update = others.find(({ facts }) => `/${facts.name}` === inspect.Name);
    if (update === undefined || run.journal.ended(update.facts.name) !== undefined) continue;
    const runs = inspect.State.Running || stopped.includes(inspect.Id);
    if (!runs || inspect.State.Paused) continue; // when it is its turn it is told why nothing is done
    if (!(await isAllowed(run, { update, atMost }, inspect))) continue;
    if (await isReady(run, update, inspect)) companions.push({ update, timed: timedFor(run, update) });
  }
  return companions;
}

/** Those that an earlier process recreated with `parent`. */
export const recoveredWith = (run: Run, parent: string, updates: readonly Update[]): Companion[] =>
  updates
    .filter(({ facts }) => run.recovered.get(facts.name)?.parent === parent)
    .map((update) => ({ update }));

/** Watches the steps of one container. */
export const timedFor = ({ bus, log, hardStop }: Run, { facts: { name } }: UpdateEntry): Timed =>
  new Timed({ clock: bus.clock, log: log.child({ container: name }), hardStop });

/** What it is created by, where that is not the name it has (LATEST_ONLY). */
export const referenceOf = ({ facts, ref }: UpdateEntry): { readonly reference?: string } =>
  parseImageRef(facts.reference)?.familiar === ref.familiar ? {} : { reference: ref.familiar };

export const swapsAlong = (companions: readonly Companion[]): Map<string, Along> =>
  new Map(
    companions.map(({ update, timed }) => [
      update.facts.name,
      {
        newImage: update.newImage as unknown as ImageDocument,
        ...referenceOf(update),
        ...(timed && { watching: timed }),
      },
    ]),
  );

/** One container of a transaction. */
export interface Member {
  readonly entry: UpdateEntry;
  readonly swap: Swap;
  readonly timed?: Timed | undefined;
}

/** Those that were updated with it, in the order in which they were recreated. */
export const childrenOf = ({ swap, along }: Member & { readonly along: readonly Companion[] }): Member[] =>
  swap.dependants.filter(isUpdated).flatMap((child) => {
    const found = along.find(({ update }) => update.facts.name === child.name);
    return found === undefined ? [] : [{ entry: found.update, swap: child, timed: found.timed }];
  });

/** A3: how `name` ends where `ending` is the culprit's. */
export function endingOf(name: string, culprit: string, ending: Ending): Ending {
  if (name === culprit) return ending;
  const because = ending.end === "stuck" ? ending.because : `put back with ${culprit}: ${ending.because}`;
  return { ...ending, because, by: "updater", with: culprit, isPassing: true };
}
