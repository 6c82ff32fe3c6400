// Dry run and monitor mode: asks the hooks in the same order as an update would, and touches nothing.
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Mode } from "../../../shared/contract/hooks.ts";
import { describeContainer, describeImage } from "../../../shared/containers/payloads-from-engine.ts";
import { finishContainer } from "./finish-container.ts";
import { startDependencies, stopDependencies } from "./run-dependencies.ts";
import type { GroupWork } from "./run-group.ts";
import { type GroupedEntries, findEntry, findNeededDependencies } from "./group-entries.ts";
import { askBeforeRecreation } from "./hard-dependencies.ts";
import type { Run, InspectedContainer } from "../updater.ts";

/** The setting that the plan's mode comes from, and what follows. */
export const whyUntouched = (mode: Mode): string =>
  `${mode === "dry_run" ? "DRY_RUN" : "MONITOR_ONLY"}: nothing is touched`;

export function reportGroups(
  run: Run,
  { groups, entries }: GroupedEntries,
  seen: readonly InspectedContainer[],
): (() => Promise<void>)[] {
  const hook = run.mode === "dry_run" ? "dry_run_update" : "notify_update";
  return groups.map(
    (group) => () =>
      reportGroup(
        run,
        findNeededDependencies(
          group.updates.map(({ id }) => findEntry(entries, id)),
          group.dependencies,
        ),
        async () => {
          for (const { id, name, imageId } of group.updates) {
            const entry = findEntry(entries, id);
            const inspect = seen.find(({ facts }) => facts.id === id)?.inspect;
            const current: ImageInspection = await run.bus.host.engine.docker.getImage(imageId).inspect();
            if (inspect === undefined) continue;
            const locals = {
              container: describeContainer(inspect),
              current_image: describeImage(current),
              latest_image: entry.latest,
            };
            await run.gate.ask({
              hook,
              container: name,
              locals,
              reason: `a newer image of ${entry.facts.reference} is in its registry`,
            });
            await finishContainer(run, entry, {
              end: "noted",
              because: whyUntouched(run.mode),
              by: "updater",
              from: imageId,
            });
          }
        },
      ),
  );
}

async function reportGroup(
  run: Run,
  group: Pick<GroupWork, "dependencies" | "hard">,
  report: () => Promise<void>,
): Promise<void> {
  const { dependencies, hard } = group;
  await stopDependencies(run, dependencies, () => Promise.resolve());
  await report();
  await startDependencies(
    run,
    dependencies.filter(({ id }) => !hard.includes(id)),
    true,
  );
  for (const { id } of dependencies.filter((facts) => hard.includes(facts.id))) {
    await askBeforeRecreation(run, await run.bus.host.engine.docker.getContainer(id).inspect());
  }
}
