// What the helper of a self-update reports before its end: a volume whose labels say how its job ended. The helper needs
// the Engine alone; its root file system may be read-only, and not every log driver can be read. Engine API:
// VolumeCreate, VolumeInspect, VolumeDelete.
import * as z from "zod";
import { type Engine, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";

const NAME = "ouroboros-helper-report";
const PREFIX = "com.ouroboros.helper.";

const HelperReport = z.object({
  run: z.string(),
  way: z.enum(["forward", "back"]),
  /** `undone`: the old container runs as before; `stuck`: the next start of the helper tries again. */
  end: z.enum(["done", "undone", "stuck"]),
  because: z.string().optional().describe("Why it is not done; empty if it is."),
});
export type HelperReport = z.infer<typeof HelperReport>;

/** The Engine keeps the labels of a volume that exists, so the report of an earlier start is removed. */
export async function writeHelperReport(engine: Engine, report: HelperReport): Promise<void> {
  await removeHelperReport(engine);
  const { because = "", ...rest } = report;
  const labels = Object.entries({ ...rest, because }).map(([key, value]) => [PREFIX + key, value] as const);
  await engine.docker.createVolume({ Name: NAME, Labels: Object.fromEntries(labels) });
}

/** The report about this job. A helper of an earlier version leaves none; a prune may take it. */
export async function readHelperReport(
  engine: Engine,
  { run, way }: Pick<HelperReport, "run" | "way">,
): Promise<HelperReport | undefined> {
  const volume = await ifExists(engine.docker.getVolume(NAME).inspect());
  const labels = Object.entries((volume?.Labels as Record<string, string> | null | undefined) ?? {});
  const report = HelperReport.safeParse(
    Object.fromEntries(labels.map(([key, value]) => [key.replace(PREFIX, ""), value])),
  ).data;
  return report?.run === run && report.way === way ? report : undefined;
}

export const removeHelperReport = ({ docker }: Engine): Promise<void> =>
  ignoreStatuses([NOT_FOUND], docker.getVolume(NAME).remove());
