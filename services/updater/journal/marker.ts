// The marker volume of a run: its labels list the containers that the run stops beside those it updates. Made before
// the first stop, removed at the end. It survives a power cut, a lost NATS and a lost updater.
import { type Engine, GONE, tolerating } from "../../../shared/engine.ts";

const PREFIX = "ouroboros-run-";
const RUN = "com.ouroboros.run";
const STOPPED = "com.ouroboros.stopped";

export interface Marker {
  readonly run: string;
  /** Container ids. */
  readonly stopped: readonly string[];
}

export async function makeMarker(engine: Engine, marker: Marker): Promise<void> {
  await engine.docker.createVolume({
    Name: `${PREFIX}${marker.run}`,
    Labels: { [RUN]: marker.run, [STOPPED]: marker.stopped.join(",") },
  });
}

export async function removeMarker(engine: Engine, run: string): Promise<void> {
  await tolerating([GONE], engine.docker.getVolume(`${PREFIX}${run}`).remove());
}

export async function findMarkers(engine: Engine): Promise<Marker[]> {
  const { Volumes } = await engine.docker.listVolumes({ filters: { label: [RUN] } });
  return (Volumes ?? []).map(({ Labels: labels }) => ({
    run: labels[RUN] ?? "",
    stopped: (labels[STOPPED] ?? "").split(",").filter((id) => id !== ""),
  }));
}
