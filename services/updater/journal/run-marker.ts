// The marker volume of a run: its labels list the containers that the run stops beside those that it updates. Created
// before the first stop, removed at the end of the run. It survives a power cut, a lost NATS and a lost updater.
import { type Engine, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";

const PREFIX = "ouroboros-run-";
const RUN = "com.ouroboros.run";
const STOPPED = "com.ouroboros.stopped";
const NAMES = "com.ouroboros.stopped-names";

/** The run may recreate the container: then the name stays and the id changes. */
export interface MarkedContainer {
  readonly id: string;
  readonly name: string;
}

export interface RunMarker {
  readonly run: string;
  readonly stopped: readonly MarkedContainer[];
}

export async function makeMarker(engine: Engine, marker: RunMarker): Promise<void> {
  await engine.docker.createVolume({
    Name: `${PREFIX}${marker.run}`,
    Labels: { [RUN]: marker.run, ...labelsOf(marker) },
  });
}

export async function removeMarker(engine: Engine, run: string): Promise<void> {
  await ignoreStatuses([NOT_FOUND], engine.docker.getVolume(`${PREFIX}${run}`).remove());
}

export async function findMarkers(engine: Engine): Promise<RunMarker[]> {
  const { Volumes } = await engine.docker.listVolumes({ filters: { label: [RUN] } });
  return (Volumes ?? []).map(({ Labels: labels }) => ({
    run: labels[RUN] ?? "",
    stopped: parseMarkedContainers(labels),
  }));
}

/** The stopped containers as they are now: the id if it still exists, otherwise the name. */
export async function resolveMarkedContainers(engine: Engine, { stopped }: RunMarker): Promise<string[]> {
  const findById = ({ id }: MarkedContainer) => ifExists(engine.docker.getContainer(id).inspect());
  return Promise.all(
    stopped.map(async (container) =>
      (await findById(container)) === undefined ? container.name : container.id,
    ),
  );
}

const labelsOf = ({ stopped }: RunMarker): Record<string, string> => ({
  [STOPPED]: stopped.map(({ id }) => id).join(","),
  [NAMES]: stopped.map(({ name }) => name).join(","),
});

function parseMarkedContainers(labels: Readonly<Record<string, string>>): MarkedContainer[] {
  const names = (labels[NAMES] ?? "").split(",");
  const ids = (labels[STOPPED] ?? "").split(",").filter((id) => id !== "");
  return ids.map((id, index) => ({ id, name: names[index] ?? id }));
}
