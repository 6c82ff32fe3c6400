/**
 * What a case of the fidelity suite is: containers as `docker create` would be given them, what is done to them while
 * they run, and what is to become of them. Nothing else is expected by hand: each container must afterwards equal one
 * that is created by the same body, with the same edits, on the image it is to run.
 */
import type Docker from "dockerode";
import type { ImageName } from "./images.ts";

/** Body of POST /containers/create without `Image`, or a function of the ids of the case's other containers. */
export type Body = Readonly<Record<string, unknown>>;
export type IdOf = (member: string) => string;

/**
 * `updated`: recreated on the newest image. `recreated`: another container on the image it had. `kept`: the very same
 * container. A reason: left alone, and that is why.
 */
export type Fate = "updated" | "recreated" | "kept" | { readonly leftAlone: string };

export interface Member {
  readonly image?: ImageName;
  readonly body?: Body | ((it: CaseContext) => Body);
  /** Its endpoints at first, by network; the Engine before API 1.44 takes the first at create, the others later. */
  readonly endpoints?: Readonly<Record<string, object>>;
  /** What its user does to it after it was created; also done to what it is compared with. */
  readonly edit?: (it: Edited) => Promise<unknown>;
  readonly state?: "running" | "created" | "exited" | "paused" | "removed";
  readonly fate?: Fate;
  /** Replaces the reference that it is created by. */
  readonly reference?: (image: {
    readonly reference: string;
    readonly id: string;
    readonly digest: string;
  }) => string;
  /** May differ from what it is compared with: `HostConfig.Links`. */
  readonly allowed?: readonly string[];
}

export interface Case {
  /** What is so afterwards: the title of its test. */
  readonly says: string;
  /** In the order in which they are created; the one to be updated is called `it` by default. */
  readonly members: Readonly<Record<string, Member>>;
  readonly check?: (scene: Scene) => Promise<void>;
  /** How often its image moves, once by default; each time all containers are updated. */
  readonly times?: number;
  /** The API version it needs. */
  readonly since?: string;
}

export interface CaseContext {
  /** A folder on the Engine's machine. */
  readonly folder: string;
  readonly idOf: IdOf;
  /** Prefixes a name with the case's own, for what all containers of an Engine share: volumes. */
  readonly own: (name: string) => string;
}

export interface Edited extends CaseContext {
  readonly docker: Docker;
  readonly container: Docker.Container;
}

export interface Scene extends CaseContext {
  readonly docker: Docker;
  readonly api: string;
  readonly inspect: (member?: string) => Promise<Docker.ContainerInspectInfo>;
  /** What a command prints, run in the member as root. */
  readonly exec: (member: string, ...words: readonly string[]) => Promise<string>;
}

/** A case of one container. */
export const singleContainer = (
  says: string,
  body: Body | ((it: CaseContext) => Body) = {},
  rest: Omit<Member, "body"> & Pick<Case, "check" | "times" | "since"> = {},
): Case => {
  const { check, times, since, ...member } = rest;
  return {
    says,
    members: { it: { body, ...member } },
    ...(check && { check }),
    ...(times !== undefined && { times }),
    ...(since !== undefined && { since }),
  };
};

export const host = (HostConfig: object): Body => ({ HostConfig });
