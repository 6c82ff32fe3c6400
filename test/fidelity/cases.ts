/** All cases. Their containers bear the case's name, so no two cases have the same. */
import type { Case } from "./case.ts";
import type { ImageName } from "./images.ts";
import type { Cases } from "./lab.ts";
import { configCases } from "./cases/config.ts";
import { dependantCases } from "./cases/dependants.ts";
import { hostCases } from "./cases/host.ts";
import { skippedCases } from "./cases/skipped.ts";
import { networkCases } from "./cases/networks.ts";
import { volumeCases } from "./cases/volumes.ts";

/** By what they are about. */
export const topics = {
  "the container itself": configCases,
  "volumes and mounts": volumeCases,
  "its place on the host": hostCases,
  networks: networkCases,
  "containers that refer to others": dependantCases,
  "left alone": skippedCases,
} as const satisfies Record<string, Readonly<Record<string, Case>>>;

export const allCases: Cases = Object.assign({}, ...Object.values(topics)) as Record<string, Case>;

export const casesOf = (...chosen: readonly (keyof typeof topics)[]): Cases =>
  Object.assign({}, ...chosen.map((topic) => topics[topic])) as Record<string, Case>;

/** The same cases on another image, where they do not name one. */
export const onImage = (image: ImageName, cases: Cases): Cases =>
  Object.fromEntries(
    Object.entries(cases).map(([name, one]) => [
      name,
      {
        ...one,
        members: Object.fromEntries(
          Object.entries(one.members).map(([key, member]) => [key, { image, ...member }]),
        ),
      },
    ]),
  );

/** Those with these names. */
export const chosen = (...names: readonly string[]): Cases =>
  Object.fromEntries(Object.entries(allCases).filter(([name]) => names.includes(name)));
