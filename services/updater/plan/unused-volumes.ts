// CLEANUP_UNUSED_VOLUMES: volumes without a name that no container uses. An update leaves none behind: what the old
// container had, its successor has. Whoever recreates a container by hand leaves its volumes alone for a moment, so
// only those go that were unused when the run began, too. Engine API: VolumeList, VolumeDelete.
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
    ANONYMOUS in labels || (isOlder(api, "1.42") && Object.keys(labels).length === 0); // older ones do not mark them
  return ((Volumes as typeof Volumes | null) ?? [])
    .filter(({ Name, Driver }) => /^[0-9a-f]{64}$/.test(Name) && Driver === "local")
    .filter(({ Labels }) => isAnonymous((Labels as typeof Labels | null) ?? {}))
    .map(({ Name }) => Name);
}

/** Those of `before` that still are unused, after a run that updated something and left nothing for a person to do. */
export async function removeUnusedVolumes(run: Run, before: readonly string[]): Promise<void> {
  const ends = run.journal.recordsOf("ended").map(({ end }) => end);
  if (before.length === 0 || !ends.includes("updated") || ends.includes("stuck")) return;
  await run.fence.check(run.bus.signal);
  const now = await findUnusedVolumes(run);
  const volumes = before.filter((name) => now.includes(name));
  for (const name of volumes)
    await ignoreStatuses([NOT_FOUND, CONFLICT], run.bus.host.engine.docker.getVolume(name).remove()).catch(
      (error: unknown) => run.log.warn({ volume: name, because: explain(error) }, "unused volume kept"),
    );
  if (volumes.length > 0) run.log.info({ volumes }, "unused volumes removed");
}
