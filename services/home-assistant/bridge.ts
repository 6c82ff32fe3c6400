// Joins what is known of the hosts with the broker: publishes what has changed, and takes the install buttons.
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";
import { AbsentHosts } from "../../shared/absent-hosts.ts";
import { explain } from "../../shared/errors.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { Broker, type BrokerAccess, type CommandMessage } from "./broker.ts";
import { Departures } from "./departures.ts";
import { INSTALL, configOf, stateOf, topicsOf } from "./discovery.ts";
import type { HostEntryListener, KnownHosts } from "./host-entries.ts";
import {
  type HostState,
  applyEntry,
  applyRecord,
  entitiesOf,
  expectRun,
  isBusy,
  newHostState,
} from "./host-state.ts";
import { InstallRequests } from "./install-requests.ts";
import type { Memory } from "./memory.ts";

interface BridgeParts {
  readonly access: BrokerAccess;
  /** What is known of the hosts, and since when some of them have had no entry. */
  readonly hosts: Map<string, HostState>;
  readonly absent: ReadonlyMap<string, number>;
  readonly memory: Memory;
}

export class Bridge implements HostEntryListener, AsyncDisposable {
  readonly #observing: Observing;
  readonly #hosts: Map<string, HostState>;
  readonly #memory: Memory;
  readonly #requests: InstallRequests;
  readonly #departures = new Departures();
  readonly #absent: AbsentHosts;
  /** Command topics of the containers that can be updated. */
  readonly #commands = new Map<string, { readonly host: string; readonly container: string }>();
  /** What was ignored on command topics, each told once. */
  readonly #ignored = new Set<string>();
  readonly #broker: Broker;

  constructor(observing: Observing, { access, hosts, absent, memory }: BridgeParts) {
    this.#observing = observing;
    this.#hosts = hosts;
    this.#memory = memory;
    const { settings, log, clock } = observing;
    this.#absent = new AbsentHosts(clock, absent);
    this.#broker = new Broker({
      ...{ settings, access, log, clock },
      onConnect: () => this.#publishAll(),
      onCommand: (command) => this.#take(command),
    });
    this.#requests = new InstallRequests(observing, {
      changed: (host) => this.#publish(host),
      begun: (host, run, container) => {
        const state = this.#hosts.get(host);
        if (state !== undefined) this.#hosts.set(host, expectRun(state, run, container));
      },
    });
  }

  async changed(host: string, entry: HostEntry): Promise<void> {
    await this.#set(host, applyEntry(this.#hosts.get(host) ?? newHostState(), entry));
  }

  /** A host without an entry that nobody has forgotten stays for an hour: NATS may come back with its entry. */
  async known({ listed, forgotten }: KnownHosts): Promise<void> {
    const gone = new Set(this.#absent.findGone(new Set(this.#hosts.keys()), listed));
    for (const [host, state] of this.#hosts)
      if ((forgotten.has(host) || gone.has(host)) && !isBusy(state)) await this.#set(host, undefined);
    await this.#memory.storeAbsent(this.#absent.since);
  }

  /** @throws the NATS client's error. */
  async record(record: RunRecord | undefined, isLast: boolean): Promise<void> {
    if (record === undefined) return;
    const before = this.#hosts.get(record.host) ?? newHostState();
    await this.#set(record.host, applyRecord(before, record), isLast);
    if (isLast) this.#publishAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]();
  }

  /**
   * What was published for containers that the new state does not have is removed. Entries and records arrive at the same
   * time, so the state is there before anything is awaited. What is published is remembered first.
   */
  async #set(host: string, state: HostState | undefined, isPublished = true): Promise<void> {
    const gone = this.#departures.note(host, this.#hosts.get(host), state);
    if (state === undefined) this.#hosts.delete(host);
    else this.#hosts.set(host, state);
    for (const container of gone) this.#remove(host, container);
    await this.#remember(host);
    if (isPublished) this.#publish(host);
  }

  /** @throws the NATS client's error. */
  #remember(host: string): Promise<void> {
    return this.#memory.store(host, () => this.#departures.remembered(host, this.#hosts.get(host)));
  }

  #publishAll(): void {
    for (const host of this.#hosts.keys()) this.#publish(host);
  }

  #publish(host: string): void {
    const state = this.#hosts.get(host);
    if (state === undefined) return;
    const prefix = this.#observing.settings.MQTT_DISCOVERY_PREFIX;
    for (const entity of entitiesOf(host, state, this.#requests.of(host))) {
      const { container, canUpdate } = entity;
      const topics = topicsOf(prefix, host, container);
      if (canUpdate) this.#commands.set(topics.command, { host, container });
      else this.#commands.delete(topics.command);
      this.#broker.publish(topics.config, configOf(prefix, entity));
      this.#broker.publish(topics.state, stateOf(entity));
    }
  }

  #remove(host: string, container: string): void {
    const topics = topicsOf(this.#observing.settings.MQTT_DISCOVERY_PREFIX, host, container);
    this.#commands.delete(topics.command);
    const left = new Set([topics.config, topics.state]);
    for (const topic of left)
      this.#broker.remove(topic, () => {
        left.delete(topic);
        if (left.size === 0 && this.#departures.end(host, container)) this.#rememberLater(host);
      });
  }

  /** What is remembered for too long is removed once more at the next start. */
  #rememberLater(host: string): void {
    this.#remember(host).catch((error: unknown) =>
      this.#observing.log.debug(
        { host, because: explain(error) },
        "what is known of the host could not be stored",
      ),
    );
  }

  #take({ topic, payload, isRetained }: CommandMessage): void {
    const wanted = this.#commands.get(topic);
    if (isRetained)
      this.#ignore(
        topic,
        "a retained message: the broker sends it again at each connection; publish without retain",
      );
    else if (payload !== INSTALL) this.#ignore(topic, `only \`${INSTALL}\` is understood`);
    else if (wanted === undefined) this.#ignore(topic, "no container that can be updated has this topic");
    else if (this.#hosts.get(wanted.host)?.progress.has(wanted.container) !== true)
      this.#requests.add(wanted.host, wanted.container);
  }

  /** The log gets no more lines than there are reasons, whoever may publish. */
  #ignore(topic: string, because: string): void {
    const level = this.#ignored.has(because) ? "debug" : "warn";
    this.#ignored.add(because);
    this.#observing.log[level]({ topic: topic.slice(0, 300), because }, "message on a command topic ignored");
  }
}
