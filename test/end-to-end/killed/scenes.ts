// The table of scenes: what is around the container that is updated, and how its update would end if nobody was killed.
import type Docker from "dockerode";

export const roles = ["web", "child", "linker", "soft", "hard"] as const;
export type Role = (typeof roles)[number];

export interface Scene {
  readonly says: string;
  /** What there is beside web. child lives in web's network, linker links to web, soft and hard are dependencies. */
  readonly beside: readonly Role[];
  /** The hard dependency lives in web's network too. */
  readonly hardInside?: true;
  /** The new image ends at once. */
  readonly isBad?: true;
  /** after_update refuses. */
  readonly isRefused?: true;
  /** The child is updated too: to a good image, or to one that ends at once. */
  readonly childIs?: "good" | "bad";
}

export const scenes = {
  alone: { says: "alone", beside: [] },
  dependants: { says: "with dependants", beside: ["child", "linker"] },
  dependencies: { says: "with dependencies", beside: ["soft", "hard"] },
  both: {
    says: "with dependants and dependencies, one of them in its network",
    beside: ["child", "soft", "hard"],
    hardInside: true,
  },
  bad: { says: "on a bad image, with a dependant", beside: ["child"], isBad: true },
  along: { says: "with a dependant that is updated too", beside: ["child"], childIs: "good" },
  badAlong: { says: "with a dependant that is updated to a bad image", beside: ["child"], childIs: "bad" },
  refused: { says: "refused by after_update, with dependants", beside: ["child", "linker"], isRefused: true },
} as const satisfies Record<string, Scene>;
export type SceneName = keyof typeof scenes;
export const sceneNames = Object.keys(scenes) as SceneName[];
/** Those of an update in which nothing goes wrong by itself. */
export const plainScenes: readonly SceneName[] = ["alone", "dependants", "dependencies", "both"];
export const sceneOf = (name: SceneName): Scene => scenes[name];

/** How web's update ends where nothing else comes in between. */
export const isPutBack = ({ isBad, isRefused, childIs }: Scene): boolean =>
  isBad === true || isRefused === true || childIs === "bad";

export const policies = ["no", "always", "unless-stopped", "on-failure"] as const;
export type Policy = (typeof policies)[number];

const WEB_PORT = 18080;
export const WEB = { good: "apps/killed", bad: "apps/killed-bad" } as const;
export const CHILD = { good: "apps/killed-child", bad: "apps/killed-child-bad" } as const;
export const SIDE = "apps/killed-side";

/** In the registry, by a role's place in a scene. */
export function imageOf(role: Role, { isBad, childIs }: Scene): string {
  if (role === "web") return isBad ? WEB.bad : WEB.good;
  return role === "child" && childIs !== undefined ? CHILD[childIs] : SIDE;
}

/** `name` of the case's web, child, ... : several cases share an Engine. */
export const nameOf = (role: Role, key: number): string => `${role}-${key}`;

export const restartPolicy = (policy: Policy): { Name: string; MaximumRetryCount?: number } =>
  policy === "on-failure" ? { Name: policy, MaximumRetryCount: 3 } : { Name: policy };

/** What to create for a role. The one port is published so that the old and the new container cannot both run. */
export function createOptions(
  role: Role,
  it: { readonly scene: Scene; readonly policy: Policy; readonly key: number },
): Docker.ContainerCreateOptions {
  const { scene, policy, key } = it;
  const web = nameOf("web", key);
  const RestartPolicy = restartPolicy(policy);
  const inside = role === "child" || (role === "hard" && scene.hardInside);
  const isExclusive = role === "web" && isPutBack(scene);
  const needs = {
    ...(scene.beside.includes("soft") && { "com.ouroboros.depends_on": nameOf("soft", key) }),
    ...(scene.beside.includes("hard") && { "com.ouroboros.hard_depends_on": nameOf("hard", key) }),
  };
  return {
    name: nameOf(role, key),
    ...(role === "web" && { Labels: needs }),
    HostConfig: {
      RestartPolicy,
      SecurityOpt: ["seccomp=unconfined"], // a filter costs a sixth of a start
      ...(role === "web" && { Binds: [`named-${key}:/named`] }),
      ...(inside && { NetworkMode: `container:${web}` }),
      ...(!inside && ["soft", "hard"].includes(role) && { NetworkMode: "none" }), // what it has costs only time
      ...(role === "linker" && { Links: [`${web}:tunnel`] }),
      ...(isExclusive && { PortBindings: { "8080/tcp": [{ HostPort: String(WEB_PORT + key) }] } }),
    },
  };
}
