/** All cases. Their containers bear the case's name, so no two cases have the same. */
import type { Case } from "./case.ts";
import { configCases } from "./cases/config.ts";
import { dependantCases } from "./cases/dependants.ts";
import { hostCases } from "./cases/host.ts";
import { leftAloneCases } from "./cases/left-alone.ts";
import { networkCases } from "./cases/networks.ts";
import { volumeCases } from "./cases/volumes.ts";

/** By what they are about. */
export const topics = {
  "the container itself": configCases,
  "volumes and mounts": volumeCases,
  "its place on the host": hostCases,
  networks: networkCases,
  "containers that refer to others": dependantCases,
  "left alone": leftAloneCases,
} as const satisfies Record<string, Readonly<Record<string, Case>>>;

export const allCases: Readonly<Record<string, Case>> = Object.assign({}, ...Object.values(topics)) as Record<
  string,
  Case
>;
