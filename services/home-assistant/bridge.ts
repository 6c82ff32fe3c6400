// Joins what is known of the hosts with the broker: publishes what has changed, and takes the install buttons.
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { Broker, type BrokerAccess, type CommandMessage } from "./broker.ts";
import { INSTALL, configOf, stateOf, topicsOf } from "./discovery.ts";
import type { HostEntryListener } from "./host-entries.ts";
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
  /** What is known of the hosts. */
  readonly hosts: Map<string, HostState>;
  readonly memory: Memory;
}

export class Bridge implements HostEntryListener, AsyncDisposable {
  readonly #observing: Observing;
  readonly #hosts: Map<string, HostState>;
  readonly #memory: Memory;
  readonly #requests: InstallRequests;
  /** CommandMessage topics of the containers that can be updated. */
  readonly #commands = new Map<string, { readonly host: string; readonly container: string }>();
  /** What was ignored on command topics, each told once. */
  readonly #ignored = new Set<string>();
  readonly #broker: Broker;

  constructor(observing: Observing, { access, hosts, memory }: BridgeParts) {
    this.#observing = observing;
    this.#hosts = hosts;
    this.#memory = memory;
    const { settings, log, clock } = observing;
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

  async known(hosts: ReadonlySet<string>): Promise<void> {
    for (const [host, state] of this.#hosts)
      if (!hosts.has(host) && !isBusy(state)) await this.#forget(host, state);
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

  /** What was published for containers that the new state does not have is removed. */
  async #set(host: string, state: HostState, isPublished = true): Promise<void> {
    const gone = [...(this.#hosts.get(host)?.containers.keys() ?? [])].filter(
      (container) => !state.containers.has(container),
    );
    await this.#memory.store(host, state);
    this.#hosts.set(host, state);
    for (const container of gone) this.#remove(host, container);
    if (isPublished) this.#publish(host);
  }

  async #forget(host: string, state: HostState): Promise<void> {
    await this.#memory.store(host, undefined);
    this.#hosts.delete(host);
    for (const container of state.containers.keys()) this.#remove(host, container);
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
    this.#broker.publish(topics.config, "");
    this.#broker.publish(topics.state, "");
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
