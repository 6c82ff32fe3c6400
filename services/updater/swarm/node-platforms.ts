// The platforms of an image as the swarm compares them with its nodes, like Docker's own client gives them. Engine API:
// DistributionInspect, and Placement of ServiceUpdate. Pure.
import * as z from "zod";

/** Empty text means any. */
export interface NodePlatform {
  readonly Architecture: string;
  readonly OS: string;
}

const Distribution = z.object({
  Platforms: z
    .array(z.looseObject({ architecture: z.string().nullish(), os: z.string().nullish() }))
    .nullish(),
});

/** Undefined where the answer names none. Attestations have the platform `unknown`, and run nowhere. */
export function nodePlatformsOf(answer: unknown): readonly NodePlatform[] | undefined {
  const platforms = Distribution.safeParse(answer).data?.Platforms ?? [];
  const known = platforms.filter(({ os }) => os !== "unknown");
  return known.length === 0
    ? undefined
    : known.map(({ architecture, os }) => ({
        Architecture: architectureOf(architecture ?? ""),
        OS: os ?? "",
      }));
}

/** Nodes call 32-bit ARM by its variant, such as armv7l, which no image does; so it may be any. */
const architectureOf = (architecture: string): string =>
  architecture.toLowerCase() === "arm" ? "" : architecture;
