// The containers that are gone and whose messages the broker may still have. Until it has removed them they are
// remembered, so that they are removed also where the broker, or this service, was away. Pure.
import type { HostState, KnownContainer } from "./host-state.ts";

export class Departures {
  readonly #hosts = new Map<string, Map<string, KnownContainer>>();

  /** Notes which containers go with the change; those that are there again stay. */
  note(host: string, before: HostState | undefined, after: HostState | undefined): readonly string[] {
    const leaving = this.#hosts.get(host) ?? new Map<string, KnownContainer>();
    const gone = [...(before?.containers ?? [])].filter(([name]) => after?.containers.has(name) !== true);
    for (const [name, known] of gone) leaving.set(name, known);
    for (const name of after?.containers.keys() ?? []) leaving.delete(name);
    this.#keep(host, leaving);
    return gone.map(([name]) => name);
  }

  /** The broker has removed the container's messages; false where the container has come back meanwhile. */
  end(host: string, container: string): boolean {
    const leaving = this.#hosts.get(host);
    const isEnded = leaving?.delete(container) === true;
    if (leaving !== undefined) this.#keep(host, leaving);
    return isEnded;
  }

  /** What is to be remembered of the host; undefined where that is nothing. */
  remembered(host: string, state: HostState | undefined): ReadonlyMap<string, KnownContainer> | undefined {
    const leaving = this.#hosts.get(host);
    if (state === undefined) return leaving;
    return new Map([...(leaving ?? []), ...state.containers]);
  }

  #keep(host: string, leaving: Map<string, KnownContainer>): void {
    if (leaving.size > 0) this.#hosts.set(host, leaving);
    else this.#hosts.delete(host);
  }
}
