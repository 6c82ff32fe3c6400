// Dry run and monitor: the same hooks in the same order, and nothing is touched.
import type { ImageInspectInfo } from "dockerode";
import { describeContainer, describeImage } from "../../../shared/describe.ts";
import { endContainer } from "./ends.ts";
import { startAll, stopAll } from "./dependencies.ts";
import type { GroupWork } from "./group.ts";
import { type Grouped, entryOf, neededBy } from "./grouped.ts";
import { askBefore } from "./hard.ts";
import type { Run, InspectedContainer } from "../updater.ts";

export function tellGroups(
  run: Run,
  { groups, entries }: Grouped,
  seen: readonly InspectedContainer[],
): (() => Promise<void>)[] {
  const hook = run.mode === "dry_run" ? "dry_run_update" : "notify_update";
  return groups.map(
    (group) => () =>
      tellGroup(
        run,
        neededBy(
          group.updates.map(({ id }) => entryOf(entries, id)),
          group.dependencies,
        ),
        async () => {
          for (const { id, name, imageId } of group.updates) {
            const entry = entryOf(entries, id);
            const inspect = seen.find(({ facts }) => facts.id === id)?.inspect;
            const current: ImageInspectInfo = await run.bus.host.engine.docker.getImage(imageId).inspect();
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
            await endContainer(run, entry, {
              end: "noted",
              because: `${run.mode}: nothing is touched`,
              by: "updater",
              from: imageId,
            });
          }
        },
      ),
  );
}

async function tellGroup(
  run: Run,
  group: Pick<GroupWork, "dependencies" | "hard">,
  tell: () => Promise<void>,
): Promise<void> {
  const { dependencies, hard } = group;
  await stopAll(run, dependencies, () => Promise.resolve());
  await tell();
  await startAll(
    run,
    dependencies.filter(({ id }) => !hard.includes(id)),
    true,
  );
  for (const { id } of dependencies.filter((facts) => hard.includes(facts.id))) {
    await askBefore(run, await run.bus.host.engine.docker.getContainer(id).inspect());
  }
}
