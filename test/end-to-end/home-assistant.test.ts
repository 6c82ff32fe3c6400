// Containers in Home Assistant, as a real MQTT client sees them: by nats-server's own MQTT with the configuration that
// comes with Ouroboros, and by mosquitto over TLS. Home Assistant itself is stood in for by its documented contract.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { topicsOf } from "../../services/home-assistant/discovery.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type EntityState, parseConfig, parseState } from "../support/discovery-contract.ts";
import {
  type MqttListener,
  listenToMqtt,
  publishToMqtt,
  startMosquitto,
  startNatsMqtt,
} from "../support/mqtt.ts";
import { type NatsConfigFolder, writeNatsConfig } from "../support/nats-config-folder.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { update } from "../support/runs.ts";
import { type Process, type Stack, startProcess, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
const PROGRAM = join(import.meta.dirname, "../../services/home-assistant/main.js");
const AVAILABILITY = "homeassistant/update/ouroboros/availability";
const web = topicsOf("homeassistant", "h1", "web");
const gone = topicsOf("homeassistant", "h1", "gone.1");
const gone2 = topicsOf("homeassistant", "h1", "gone.2");

describe("Home Assistant, by nats-server's MQTT and with the rights of its user", () => {
  let keys: NatsConfigFolder;
  let stack: Stack;
  let broker: Awaited<ReturnType<typeof startNatsMqtt>>;
  let bridge: Process;
  let listener: MqttListener;
  const logs: string[] = [];
  const startBridge = (): Process =>
    startProcess(PROGRAM, {
      PATH: process.env["PATH"] ?? "",
      ...keys.access("observer_home-assistant"),
      ...{ NATS_URL: stack.server.url, MQTT_URL: broker.url, LOG_LEVEL: "debug" },
    });
  const stateOf = (topics = web): EntityState | undefined => {
    const payload = listener.last(topics.state);
    return payload === undefined || payload === "" ? undefined : parseState(payload);
  };
  const state = (what: string, isWanted: (state: EntityState) => boolean): Promise<EntityState> =>
    until(
      what,
      () => {
        const found = stateOf();
        return found !== undefined && isWanted(found) ? found : undefined;
      },
      { explain: () => `${JSON.stringify(listener.heard.slice(-5))}\n${bridge.log()}` },
    );
  const isCurrent = ({ installed_version: installed, latest_version: latest, in_progress }: EntityState) =>
    installed !== undefined && installed === latest && in_progress === false;
  const press = (topic = web.command) => publishToMqtt(broker, topic, "install");

  before(async () => {
    keys = await writeNatsConfig("--hosts", "h1");
    for (const name of ["web", "gone.1"])
      await deploy(h1, name, { image: `apps/${name === "web" ? "web" : "gone"}` });
    stack = await startStack({
      engine: h1,
      services: [],
      nats: { config: keys.config },
      operator: { access: keys.access("operator"), connection: await keys.connection("operator") },
    });
    const { code, err } = await runOperatorCommand(stack.access, ["nats-config", "prepare", "--hosts", "h1"]);
    assert.equal(code, 0, err);
    for (const [service, user] of [
      ["updater", "updater_h1"],
      ["hook-executor", "exec_h1"],
      ["poller", "poller_h1"],
    ] as const)
      stack.start(service, { env: keys.access(user) });
    broker = await startNatsMqtt();
    listener = listenToMqtt(broker);
    bridge = startBridge();
    await stack.check();
  });
  after(async () => {
    logs.push(bridge.log());
    for (const one of [bridge, listener, broker, stack, keys]) await one[Symbol.asyncDispose]();
    await h1.clean();
    for (const form of [broker.secret, encodeURIComponent(broker.secret)])
      assert.equal(logs.join("\n").includes(form), false, "the password of MQTT_URL is in the log");
  });

  it("sees each container as an entity, as discovery has it", async () => {
    await state("web is there", isCurrent);
    await until("the other, too", () => stateOf(gone) !== undefined);
    const config = parseConfig(web.config, listener.last(web.config) ?? "");
    assert.deepEqual([config.name, config.device.name, config.payload_install], ["web", "h1", "install"]);
    assert.deepEqual([config.state_topic, config.command_topic], [web.state, web.command]);
    assert.equal(config.availability[0]?.topic, AVAILABILITY);
    await until("it is available", () => listener.last(AVAILABILITY) === "online");
  });

  it("sees an update that was refused as available, and installs it by the button", async () => {
    const { installed_version: installed } = await state("web is there", isCurrent);
    await stack.script("before_update/no", "#!/bin/sh\nexit 1\n");
    const { digest } = await release("apps/web", "2");
    assert.equal((await update(stack))["web"], "refused");
    await stack.check();
    const available = await state("it is newer", (now) => now.latest_version !== installed);
    assert.equal(available.installed_version, installed);
    assert.ok(digest.startsWith(available.latest_version ?? "none"));
    await stack.script("before_update/no", "#!/bin/sh\nexit 0\n");
    const from = listener.heard.length;
    await press();
    const done = await state("it is updated", isCurrent);
    assert.equal(done.installed_version, available.latest_version);
    assert.ok((await overview(h1)).includes("web running 2"));
    const seen = listener.heard.slice(from).filter(({ topic }) => topic === web.state);
    const percents = seen.map(({ payload }) => parseState(payload).update_percentage ?? -1).slice(0, -1);
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    assert.ok(percents.includes(0) && percents.includes(60), percents.join());
  });

  it("is told by the log where there is nothing to install, and the button is as before", async () => {
    await press();
    await until("the poller has answered", () => bridge.log().includes("nothing newer"), {
      explain: () => bridge.log(),
    });
    await state("web is as before", isCurrent);
  });

  it("is not obeyed where it sends anything else, and the log says so once", async () => {
    const runs = stack.records.filter(({ kind }) => kind === "begun").length;
    const before = listener.heard.length;
    await release("apps/web", "3");
    for (const payload of ["reboot", "INSTALL", '{"command":"rollback"}'])
      await publishToMqtt(broker, web.command, payload);
    for (const topic of ["nobody", "ouroboros__h1__nobody"])
      await press(`homeassistant/update/${topic}/command`);
    await publishToMqtt(broker, web.command, "install", { retain: true, user: "homeassistant" });
    await until("the live message with the retain flag was obeyed as any other", () =>
      listener.heard
        .slice(before)
        .some(({ topic, payload }) => topic === web.state && payload.includes('"in_progress":true')),
    );
    await state("web is updated", isCurrent);
    const ignored = (because: string) => bridge.log().split(because).length - 1;
    assert.equal(ignored("no container that can be updated has this topic"), 2);
    const warned = bridge
      .log()
      .split("\n")
      .filter((line) => line.includes('"warn"') && line.includes("message on a command topic ignored"));
    assert.equal(warned.length, 2, warned.join("\n"));
    await until("one run", () => stack.records.filter(({ kind }) => kind === "begun").length === runs + 1);
  });

  it("is offline when the service is killed; a retained press of before installs nothing after its restart", async () => {
    bridge.kill("SIGKILL");
    await bridge.exited;
    logs.push(bridge.log());
    await until("it is offline", () => listener.last(AVAILABILITY) === "offline");
    await release("apps/web", "4");
    await h1.docker.getContainer("gone.1").remove({ force: true });
    bridge = startBridge();
    await until("it is online", () => listener.last(AVAILABILITY) === "online");
    await until("the retained press was seen", () => bridge.log().includes("a retained message"), {
      explain: () => bridge.log(),
    });
    assert.ok((await overview(h1)).includes("web running 3"));
    await publishToMqtt(broker, web.command, "", { retain: true });
  });

  it("loses the entity of a container that went while the service was down", async () => {
    assert.notEqual(listener.last(gone.config), "");
    const count = (kind: RunRecord["kind"]) => stack.records.filter((record) => record.kind === kind).length;
    await until("no run is under way", () => count("finished") === count("begun")); // nothing is forgotten during one
    await update(stack);
    await until("it is removed", () => listener.last(gone.config) === "" && listener.last(gone.state) === "");
    await state("web is updated", isCurrent);
  });

  itInFullRun(
    "loses the entity of a container that went while the broker was away, though the service was started anew",
    async () => {
      await deploy(h1, "gone.2", { image: "apps/gone" });
      await stack.check();
      await until("it is there", () => stateOf(gone2) !== undefined);
      await broker.server.kill();
      await until("the log says so", () => bridge.log().includes("MQTT is away"));
      await h1.docker.getContainer("gone.2").remove({ force: true });
      await stack.check();
      bridge.kill("SIGKILL");
      await bridge.exited;
      logs.push(bridge.log());
      bridge = startBridge();
      await until("the log says it again", () => bridge.log().includes("MQTT is away"));
      await broker.server.restart();
      await until("the service is connected", () => bridge.log().includes("connected to MQTT"));
      await listener[Symbol.asyncDispose]();
      listener = await until(
        "a client that connects now does not find it",
        async () => {
          const anew = listenToMqtt(broker);
          const isHeard = await until(
            "what is retained has come",
            async () => {
              await publishToMqtt(broker, "homeassistant/status", "online");
              return anew.last(web.state) !== undefined && anew.last("homeassistant/status") !== undefined;
            },
            { within: 5000 },
          ).catch(() => false);
          if (isHeard && [gone2.config, gone2.state].every((topic) => !anew.last(topic))) return anew;
          await anew[Symbol.asyncDispose]();
          return undefined;
        },
        { explain: () => bridge.log() },
      );
      await state("web is there", isCurrent);
    },
  );

  it("disturbs no update while the broker is away, and gets everything anew when it is back", async () => {
    const before = await state("web is there", isCurrent);
    const timesAway = () => bridge.log().split("MQTT is away").length - 1;
    const from = timesAway();
    await broker.server.kill();
    await until("the log says so", () => timesAway() > from);
    await release("apps/web", "5");
    assert.equal((await update(stack))["web"], "updated");
    await broker.server.restartEmpty();
    await listener[Symbol.asyncDispose]();
    const anew = await until("it is back", async () => {
      const again = listenToMqtt(broker);
      const isThere = await until("it hears", () => again.last(web.state) !== undefined, {
        within: 3000,
      }).catch(() => false);
      if (isThere) return again;
      await again[Symbol.asyncDispose]();
      return undefined;
    });
    listener = anew;
    const now = await state("web is updated", isCurrent);
    assert.notEqual(now.installed_version, before.installed_version);
    parseConfig(web.config, listener.last(web.config) ?? "");
    assert.equal(listener.last(AVAILABILITY), "online");
    assert.equal(listener.last(gone.config), undefined);
    assert.equal(timesAway(), from + 1);
  });

  it("says goodbye when the service is stopped", async () => {
    bridge.kill("SIGTERM");
    assert.equal(await bridge.exited, 0);
    await until("it is offline", () => listener.last(AVAILABILITY) === "offline");
  });

  it("lets the service touch its own topics only", async () => {
    const user = "ouroboros";
    for (const topic of ["homeassistant/light/x/config", "homeassistant/update/x/command", "other"])
      await publishToMqtt(broker, topic, "planted", { retain: true, user });
    await publishToMqtt(broker, "homeassistant/update/x/config", "own", { retain: true, user });
    await until("its own comes through", () => listener.last("homeassistant/update/x/config") === "own");
    assert.equal(
      listener.heard.some(({ payload }) => payload === "planted"),
      false,
    );
  });
});

describe("Home Assistant, by mosquitto with TLS and the program of a single container", () => {
  afterEach(() => h1.clean());

  it("sees and updates the containers, and MQTT_CA names whom to trust", async () => {
    await deploy(h1, "web");
    await using broker = await startMosquitto();
    await using listener = listenToMqtt(broker);
    await using stack = await startStack({ engine: h1, env: { MQTT_URL: broker.url, MQTT_CA: broker.ca } });
    await stack.check();
    const state = await until("web is there", () => listener.last(web.state));
    assert.equal(parseState(state).in_progress, false);
    await release("apps/web", "2");
    assert.equal(await publishToMqtt(broker, web.command, "install"), 0);
    await stack.expectResult("web", "updated");
    await until("its new version is seen", () => {
      const now = parseState(listener.last(web.state) ?? "{}");
      return now.installed_version !== parseState(state).installed_version && now.in_progress === false;
    });
    assert.ok((await overview(h1)).includes("web running 2"));
  });

  const refusals = [
    ["a broker", { MQTT_URL: "" }, /MQTT_URL is not set/],
    [
      "a CA that can be read",
      { MQTT_CA: "/nowhere/ca.pem" },
      /MQTT_CA cannot be read \(.*\/nowhere\/ca\.pem/,
    ],
    ["the NATS of the services", { NATS_URL: "" }, /NATS_URL is not set/],
  ] as const;
  for (const [what, env, says] of refusals)
    it(`does not start without ${what}`, async () => {
      const given = { NATS_URL: "nats://127.0.0.1:1", MQTT_URL: "mqtts://u:planted@127.0.0.1", ...env };
      await using program = startProcess(PROGRAM, { PATH: process.env["PATH"] ?? "", ...given });
      assert.equal(await program.exited, 1);
      assert.match(program.stderrText(), says);
      assert.equal((program.stderrText() + program.log()).includes("planted"), false);
    });

  itInFullRun("goes on updating where the broker cannot be trusted", async () => {
    await using broker = await startMosquitto();
    await deploy(h1, "web");
    const stranger = broker.ca.replace("ca.pem", "client.pem");
    await using stack = await startStack({ engine: h1, env: { MQTT_URL: broker.url, MQTT_CA: stranger } });
    const log = await until("the log says so", () => {
      const text = stack.services.poller?.log() ?? "";
      return text.includes("MQTT is away") && text;
    });
    assert.match(log, /"because":"[^"]*certificate/);
    await stack.check();
    await release("apps/web", "2");
    assert.equal((await update(stack))["web"], "updated");
  });
});
