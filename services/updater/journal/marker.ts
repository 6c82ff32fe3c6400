// The marker volume of a run: its labels list the containers that the run stops beside those it updates. Made before
// the first stop, removed at the end. It survives a power cut, a lost NATS and a lost updater.
import { type Engine, GONE, ifThere, tolerating } from "../../../shared/engine.ts";

const PREFIX = "ouroboros-run-";
const RUN = "com.ouroboros.run";
const STOPPED = "com.ouroboros.stopped";
const NAMES = "com.ouroboros.stopped-names";

/** The run may recreate it: then it is another container of the same name. */
export interface Stopped {
  readonly id: string;
  readonly name: string;
}

export interface Marker {
  readonly run: string;
  readonly stopped: readonly Stopped[];
}

export async function makeMarker(engine: Engine, marker: Marker): Promise<void> {
  await engine.docker.createVolume({
    Name: `${PREFIX}${marker.run}`,
    Labels: { [RUN]: marker.run, ...labelsOf(marker) },
  });
}

export async function removeMarker(engine: Engine, run: string): Promise<void> {
  await tolerating([GONE], engine.docker.getVolume(`${PREFIX}${run}`).remove());
}

export async function findMarkers(engine: Engine): Promise<Marker[]> {
  const { Volumes } = await engine.docker.listVolumes({ filters: { label: [RUN] } });
  return (Volumes ?? []).map(({ Labels: labels }) => ({
    run: labels[RUN] ?? "",
    stopped: stoppedIn(labels),
  }));
}

/** What has become of them, by name or id. */
export async function stoppedNow(engine: Engine, { stopped }: Marker): Promise<string[]> {
  const isThere = ({ id }: Stopped) => ifThere(engine.docker.getContainer(id).inspect());
  return Promise.all(stopped.map(async (one) => ((await isThere(one)) === undefined ? one.name : one.id)));
}

const labelsOf = ({ stopped }: Marker): Record<string, string> => ({
  [STOPPED]: stopped.map(({ id }) => id).join(","),
  [NAMES]: stopped.map(({ name }) => name).join(","),
});

function stoppedIn(labels: Readonly<Record<string, string>>): Stopped[] {
  const names = (labels[NAMES] ?? "").split(",");
  const ids = (labels[STOPPED] ?? "").split(",").filter((id) => id !== "");
  return ids.map((id, index) => ({ id, name: names[index] ?? id }));
}
