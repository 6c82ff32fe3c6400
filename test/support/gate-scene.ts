// The updater's own gate in this process, between a real Engine and a real NATS, without the rest of the updater.
import { jetstreamManager } from "@nats-io/jetstream";
import { pino } from "pino";
import { type Bus, openBus } from "../../services/updater/bus.ts";
import { createEngineLease } from "../../services/updater/lease/engine-lease.ts";
import { Approvals } from "../../services/updater/gate/approvals.ts";
import { VerdictSignals } from "../../services/updater/gate/verdict-signals.ts";
import { TICK_MS } from "../../services/updater/gate/follow-bucket.ts";
import type { GateQuestion } from "../../services/updater/gate/gate-event.ts";
import { Gate } from "../../services/updater/gate/gate.ts";
import { Participants } from "../../services/updater/gate/gate-participants.ts";
import { Journal } from "../../services/updater/journal/journal.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { describeContainer, describeImage } from "../../shared/containers/payloads-from-engine.ts";
import { Health } from "../../shared/runtime/health.ts";
import type { HookName } from "../../shared/contract/hooks.ts";
import { connectNow } from "../../shared/nats/nats-connection.ts";
import { readSettings } from "../../shared/settings/read-settings.ts";
import { type ServiceContext, openHost } from "../../shared/runtime/run-service.ts";
import { ensureTopology } from "../../shared/nats/topology.ts";
import type { Engine } from "../bed/bed.ts";
import { runOperatorCommand } from "./run-operator-command.ts";
import { deploy } from "./containers.ts";
import { until } from "./until.ts";

export interface GateScene extends AsyncDisposable {
  readonly bus: Bus;
  /** Of a run of its own: a run has one event of a hook and container. */
  readonly newGate: (run: string) => Promise<Gate>;
  /** Registers participants of a hook, or removes them; resolves when the gate knows. */
  readonly register: (hook: HookName, names: readonly string[]) => Promise<void>;
  readonly unregister: (hook: HookName, names: readonly string[]) => Promise<void>;
}

/** A bucket is read when a message says so, and at no other time: what a test sees on the wire is the gate's. */
const withoutTicks: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === TICK_MS ? Infinity : ms, signal),
};

/** No hook-executor is asked, unless it is on. */
export async function gateScene(
  on: Engine,
  url: string,
  HOOK_EXECUTOR: "on" | "off" = "off",
): Promise<GateScene> {
  const env = { NATS_URL: url, DOCKER_SOCKETS: `unix://${on.socket}`, HOOK_EXECUTOR };
  const settings = readSettings(env, new Map());
  const over = new AbortController();
  const context: ServiceContext = {
    ...{ settings, log: pino({ level: "silent" }), clock: systemClock },
    ...{ health: new Health(), signal: over.signal },
  };
  const host = await openHost(context, 0);
  if (host === undefined) throw new Error("the Engine did not answer");
  const nats = await connectNow("gate", settings);
  await ensureTopology(nats, await jetstreamManager(nats));
  const bus = await openBus(nats, context, host, {
    writer: "test",
    lease: await createEngineLease(context, host),
  });
  const followed = { ...bus, clock: withoutTicks };
  const known = await Participants.follow(followed);
  const approvals = await Approvals.follow(followed);
  const verdictSignals = new VerdictSignals(nats, host.name);
  const operate = async (hook: HookName, words: readonly (readonly string[])[], more?: number) => {
    const asked = () => known.findAsked(hook, host.name, { executor: false, others: true }).length;
    const left = more === undefined ? 0 : asked() + more;
    for (const one of words) {
      const { code, err } = await runOperatorCommand({ NATS_URL: url }, ["participant", ...one]);
      if (code !== 0) throw new Error(`participant ${one.join(" ")} ended with ${code}: ${err}`);
    }
    await until("all are known", () => asked() === left);
  };
  return {
    bus,
    newGate: async (run) =>
      new Gate(bus, await Journal.open(bus, run), {
        ...{ participants: known, approvals, verdictSignals },
        mode: "update",
      }),
    register: (hook, names) =>
      operate(
        hook,
        names.map((name) => ["add", name, "--hooks", hook]),
        names.length,
      ),
    unregister: (hook, names) =>
      operate(
        hook,
        names.map((name) => ["remove", name]),
      ),
    [Symbol.asyncDispose]: async () => {
      over.abort();
      verdictSignals[Symbol.dispose]();
      await known[Symbol.asyncDispose]();
      await approvals[Symbol.asyncDispose]();
      await nats.close();
    },
  };
}

/** `before_update` of a real container, so that its event is as large as events are. */
export async function beforeUpdateOf(on: Engine): Promise<GateQuestion<"before_update">> {
  const container = await on.docker.getContainer(await deploy(on, "web")).inspect();
  const image = describeImage(await on.docker.getImage(container.Image).inspect());
  return {
    hook: "before_update",
    container: "web",
    locals: { old_container: describeContainer(container), old_image: image, new_image: image },
    reason: "a newer image is here",
  };
}
