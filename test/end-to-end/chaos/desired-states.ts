// What the owner wants of each service, as far as what they did says it. Where an act met an update of the same moment,
// both outcomes are right: the owner cannot know which container they hit. Pure.
import { type ServiceName, insideOf, nameOf, serviceNames, services } from "./services.ts";

export type State = "running" | "stopped" | "absent";

export interface DesiredState {
  /** Any of these is right. */
  readonly states: readonly State[];
  readonly names: readonly string[];
  /** What its owner gave up of its data. */
  readonly lost: "nothing" | "anonymous" | "all";
  /** Its owner replaced the container that it shares the network of: it refers to nothing any more. */
  readonly isCutOff: boolean;
  /** An image that is not good, and that its owner made the container of. */
  readonly choice?: string | undefined;
}
export type DesiredStates = Readonly<Record<ServiceName, DesiredState>>;

/** How an act went. */
export interface Outcome {
  /** It did what it should. */
  readonly ok: boolean;
  /** The updater was at work meanwhile. */
  readonly isBusy: boolean;
}

export const INITIAL_STATES: DesiredStates = Object.fromEntries(
  serviceNames.map((name): [ServiceName, DesiredState] => [
    name,
    { states: ["running"], names: [nameOf(name)], lost: "nothing", isCutOff: false },
  ]),
) as DesiredStates;

const union = <T>(one: readonly T[], other: readonly T[]): T[] => [...new Set([...one, ...other])];

export const change = (
  wishes: DesiredStates,
  service: ServiceName,
  by: (wish: DesiredState) => DesiredState,
): DesiredStates => ({
  ...wishes,
  [service]: by(wishes[service]),
});
export const changeAll = (
  wishes: DesiredStates,
  by: (wish: DesiredState, service: ServiceName) => DesiredState,
): DesiredStates =>
  Object.fromEntries(serviceNames.map((name) => [name, by(wishes[name], name)])) as DesiredStates;

export const isGone = ({ states }: DesiredState): boolean => states.every((state) => state === "absent");

/**
 * It shall be so. That it runs, an update in between cannot change; anything else it can. What could not be started may be
 * down: a prune takes it then.
 */
export function want(state: State, { ok, isBusy }: Outcome): (wish: DesiredState) => DesiredState {
  return (wish) => {
    if (!ok && isGone(wish)) return wish;
    if (ok && (!isBusy || state === "running")) return { ...wish, states: [state] };
    const mayBe: readonly State[] = !ok && state === "running" ? ["running", "stopped"] : [state];
    return { ...wish, states: union(wish.states, mayBe) };
  };
}

export const moreLost =
  (lost: DesiredState["lost"]) =>
  (wish: DesiredState): DesiredState => ({
    ...wish,
    lost: wish.lost === "all" ? "all" : lost,
  });

export const renamed =
  (to: string, { ok, isBusy }: Outcome) =>
  (wish: DesiredState): DesiredState => ({ ...wish, names: ok && !isBusy ? [to] : union(wish.names, [to]) });

/** Another container of it is there: whoever is in its network has lost it, and starts no more. */
export const cutOffInside = (wishes: DesiredStates, service: ServiceName): DesiredStates =>
  insideOf(service).reduce(
    (before, one) =>
      change(before, one, (wish) => ({ ...wish, isCutOff: true, states: orStopped(wish.states) })),
    wishes,
  );

const orStopped = (states: readonly State[]): readonly State[] =>
  isGone({ states } as DesiredState) ? states : union(states, ["stopped"]);

/**
 * The Engine was started again: what has the policy `always` runs, also where its owner had stopped it; others may be down,
 * and what is in the network of another as well, as Docker starts it without waiting for that one.
 */
export const afterEngine = (wishes: DesiredStates): DesiredStates =>
  changeAll(wishes, (wish, name) => {
    const { restart, inside } = services[name];
    const staysUp = restart === "always" && inside === undefined;
    if (isGone(wish) || (staysUp && wish.states.join() === "running")) return wish;
    return { ...wish, states: union(wish.states, staysUp ? ["running"] : ["running", "stopped"]) };
  });

/** Containers that do not run are removed. */
export const afterContainerPrune = (wishes: DesiredStates): DesiredStates =>
  changeAll(wishes, (wish) =>
    wish.states.includes("stopped")
      ? { ...wish, states: union(wish.states, ["absent"]), lost: wish.lost === "all" ? "all" : "anonymous" }
      : wish,
  );

/** Volumes that no container has are removed. */
export const afterVolumePrune = (wishes: DesiredStates): DesiredStates =>
  changeAll(wishes, (wish) => (wish.states.includes("absent") ? { ...wish, lost: "all" } : wish));
