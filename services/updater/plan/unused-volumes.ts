// CLEANUP_UNUSED_VOLUMES: removes anonymous volumes that no container uses. An update leaves none behind: the
// successor has what the old container had. While a person recreates a container by hand, its volumes are unused for
// a moment; so only those are removed that were unused when the run began, too. Engine API: VolumeList, VolumeDelete.
import { CONFLICT, NOT_FOUND, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { isOlder } from "../../../shared/version.ts";
import { explain } from "../../../shared/errors.ts";
import type { Run } from "../updater.ts";

const ANONYMOUS = "com.docker.volume.anonymous";

/** Names of the anonymous volumes that nothing uses now; none without the setting. */
export async function findUnusedVolumes({ bus, mode }: Run): Promise<readonly string[]> {
  const { docker, api } = bus.host.engine;
  if (!bus.context.settings.CLEANUP_UNUSED_VOLUMES || mode !== "update") return [];
  const { Volumes } = await docker.listVolumes({ filters: { dangling: ["true"] } });
  const isAnonymous = (labels: Readonly<Record<string, string>>): boolean =>
    ANONYMOUS in labels || (isOlder(api, "1.42") && Object.keys(labels).length === 0); // older Engines do not mark them
  return ((Volumes as typeof Volumes | null) ?? [])
    .filter(({ Name, Driver }) => /^[0-9a-f]{64}$/.test(Name) && Driver === "local")
    .filter(({ Labels }) => isAnonymous((Labels as typeof Labels | null) ?? {}))
    .map(({ Name }) => Name);
}

/** Removes those of `before` that are still unused, after a run that updated something and left nothing stuck. */
export async function removeUnusedVolumes(run: Run, before: readonly string[]): Promise<void> {
  const ends = run.journal.recordsOf("ended").map(({ end }) => end);
  if (before.length === 0 || !ends.includes("updated") || ends.includes("stuck")) return;
  await run.fence.check(run.bus.signal);
  const unusedNow = await findUnusedVolumes(run);
  const volumes = before.filter((name) => unusedNow.includes(name));
  for (const name of volumes)
    await ignoreStatuses([NOT_FOUND, CONFLICT], run.bus.host.engine.docker.getVolume(name).remove()).catch(
      (error: unknown) => run.log.warn({ volume: name, because: explain(error) }, "unused volume kept"),
    );
  if (volumes.length > 0) run.log.info({ volumes }, "unused volumes removed");
}
