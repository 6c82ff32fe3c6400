// Every secret that the product can be given is planted, and looked for in all that it writes: logs, events, verdicts, the
// journal, buckets, the server's log, and what each command prints.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { describe, it } from "mocha";
import { type NatsConnection, nkeys } from "nats";
import { type SettingName, settings } from "../../shared/settings/settings.ts";
import { engine } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { deploy, release } from "../support/containers.ts";
import { startEndpoint } from "../support/endpoint.ts";
import { CANARY } from "../support/canary-secret.ts";
import { update } from "../support/runs.ts";
import { writeNatsConfig } from "../support/nats-config-folder.ts";
import { type ServiceName, type Stack, startProcess, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const WEBHOOK = join(import.meta.dirname, "../../services/webhook/main.js");
const DASHBOARD = join(import.meta.dirname, "../../services/dashboard/main.js");
const PUSH = join(import.meta.dirname, "../../services/push/main.js");
const HOME_ASSISTANT = join(import.meta.dirname, "../../services/home-assistant/main.js");
const UPDATER = join(import.meta.dirname, "../../services/updater/main.js");
const ROLES: readonly (readonly [ServiceName, string])[] = [
  ["updater", "updater_h1"],
  ["hook-executor", "exec_h1"],
  ["poller", "poller_h1"],
];

/** Secrets that are the settings' own; those of NATS are made by `nats-config`. */
const planted = {
  REPO_PASS: "planted-repo-pass",
  APPRISE_API_URL: "http://planted:planted-apprise-api@127.0.0.1:1/",
  NOTIFIERS: "discord://planted-notifier@token",
  DASHBOARD_OIDC_SECRET: "planted-oidc-secret",
  DASHBOARD_TOKENS: "planter:viewer:planted-dashboard-token-of-some-length",
  INFLUX_PASSWORD: "planted-influx-password",
  PUSH_SECRET: "planted-push-secret_0123456789abcdef",
  WEBHOOK_SECRET: "planted-webhook-secret",
  WEBHOOK_TOKEN: "planted-webhook-token",
  WEBHOOK_URL: "planted-webhook-key",
  MQTT_URL: "mqtt://planted:planted-mqtt-password@127.0.0.1:1",
  HTTP_PROXY: "http://planted:planted-http-proxy@127.0.0.1:1",
  HTTPS_PROXY: "http://planted:planted-https-proxy@127.0.0.1:1",
  NATS_CREDS: new TextDecoder().decode(nkeys.createUser().getSeed()),
} satisfies Partial<Record<SettingName, string>>;
const ENVIRONMENT = "planted-environment";

describe("a secret", () => {
  afterEach(() => h1.clean());

  it("of a setting, a file or a container's environment is in nothing that is written, stored or printed", async () => {
    const made = ["NATS_PASSWORD", "NATS_NKEY", "NATS_OPERATOR_NKEY"]; // by nats-config
    assert.deepEqual(
      Object.entries(settings)
        .flatMap(([name, row]) => ("secret" in row ? [name] : []))
        .sort(),
      [...Object.keys(planted), ...made].sort(),
      "a secret setting is not planted",
    );
    const passwords = ["--with-password", "exec_h1"];
    await using keys = await writeNatsConfig("--hosts", "h1", "--participants", "hook", ...passwords);
    const { REPO_PASS, NOTIFIERS, INFLUX_PASSWORD, DASHBOARD_OIDC_SECRET, DASHBOARD_TOKENS } = planted;
    await using stack = await startStack({
      engine: h1,
      services: [],
      env: { LOG_LEVEL: "debug", REPO_USER: "planter", REPO_PASS },
      nats: { config: keys.config },
      operator: { access: keys.access("operator"), connection: await keys.connection("operator") },
    });
    const read = async (file: string) => (await readFile(join(keys.folder, file), "utf8")).trim();
    const password = await read("users/exec_h1.password");
    for (const name of ["web", "db"]) await deploy(h1, name, { create: { Env: [`TOKEN=${ENVIRONMENT}`] } });
    await succeeds(stack, "nats-config", "prepare", "--hosts", "h1");
    await succeeds(
      stack,
      "participant",
      "add",
      "hook",
      "--hooks",
      "before_update",
      "--timeout",
      "3s",
      "--on-timeout",
      "proceed",
    );
    await stack.script(
      "before_update/no",
      '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != db ] || { env >&2; exit 1; }\n',
    );
    for (const [service, user] of ROLES) {
      const byPassword = { NATS_CA: join(keys.folder, "ca.pem"), NATS_USER: user, NATS_PASSWORD: password };
      stack.start(service, { env: user === "exec_h1" ? byPassword : keys.access(user) });
    }
    await using endpoint = await startEndpoint(() => [500, "no"]);
    const common = { PATH: process.env["PATH"] ?? "", NATS_URL: stack.server.url, LOG_LEVEL: "debug" };
    await using bridge = startProcess(WEBHOOK, {
      ...common,
      ...keys.access("participant_hook"),
      ...{ WEBHOOK_NAME: "hook", WEBHOOK_RETRY: "500ms", WEBHOOK_TOKEN: planted.WEBHOOK_TOKEN },
      WEBHOOK_SECRET: planted.WEBHOOK_SECRET,
      WEBHOOK_URL: `${endpoint.url}/ask?key=${planted.WEBHOOK_URL}`,
    });
    await using home = startProcess(HOME_ASSISTANT, {
      ...common,
      ...keys.access("observer_home-assistant"),
      MQTT_URL: planted.MQTT_URL,
    });
    await using page = startProcess(DASHBOARD, {
      ...common,
      ...keys.access("observer_dashboard"),
      ...{ DASHBOARD: "on", DASHBOARD_PORT: "8311", DASHBOARD_TOKENS },
    });
    const { PUSH_SECRET } = planted;
    await using push = startProcess(PUSH, {
      ...common,
      ...keys.access("observer_push"),
      ...{ PUSH_SECRET, PUSH_PORT: "8312" },
    });
    const wrong = {
      DOCKER_SOCKETS: `unix://${h1.socket}`,
      ...{ INFLUX_PASSWORD, NOTIFIERS, DASHBOARD_OIDC_SECRET },
    };
    await using refused = startProcess(UPDATER, { ...common, ...wrong, NATS_CREDS: planted.NATS_CREDS });
    assert.equal(await refused.exited, 1);
    await stack.check();
    for (const name of ["web", "db"]) await release(`apps/${name}`, "2");
    assert.deepEqual(await update(stack), { web: "updated", db: "refused" });
    await until("the endpoint was asked in vain", () => endpoint.requests.length > 1, {
      explain: bridge.log,
    });
    await until("the page is served", () => page.log().includes("serving the dashboard"), {
      explain: page.log,
    });
    for (const path of [PUSH_SECRET, `x${PUSH_SECRET}`])
      await until("a notification is answered", async () => {
        const post = { method: "POST", body: "no JSON" };
        const answer = await fetch(`http://127.0.0.1:8312/push/${path}`, post).catch(() => undefined);
        return answer !== undefined && answer.status >= 400;
      });
    await until("the broker was tried", () => home.log().includes("MQTT is away"), { explain: home.log });

    const printed: string[] = [];
    for (const words of COMMANDS)
      for (const more of [[], ["-o", "json"]]) {
        const { out, err } = await runOperatorCommand(stack.access, [...words, ...more]);
        printed.push(out, err);
      }
    const key = (pem: string) => pem.split("\n")[1] ?? "";
    const secrets = {
      ...planted,
      ...{ ENVIRONMENT, password, "MQTT_URL's password": "planted-mqtt-password" },
      "a token of the page": "planted-dashboard-token-of-some-length",
      "server's key": key(await read("nats/server-key.pem")),
      "authority's key": key(await read("ca-key.pem")),
    };
    for (const user of ["poller_h1", "updater_h1", "operator", "participant_hook"])
      Object.assign(secrets, { [user]: await read(`users/${user}.nk`) });
    const logs = [...Object.values(stack.services), bridge, home, page, push, refused]
      .map((one) => one.log())
      .join("\n");
    const places = {
      logs,
      stored: await everythingIn(stack.nats),
      printed: printed.join("\n"),
      "NATS' log": await readFile(stack.server.log, "utf8"),
    };
    assert.ok(places.stored.includes("before_update-web") && logs.includes("run finished"));
    assert.ok(places.printed.includes("not_there") || places.printed.includes("web"));
    for (const [name, secret] of Object.entries(secrets))
      for (const [where, text] of Object.entries(places))
        for (const form of [secret, Buffer.from(secret).toString("base64").replace(/=+$/, "")])
          assert.ok(form.length > 8 && !text.includes(form), `${name} is in ${where}`);
  });

  it("that every test plants is looked for at its end", async () => {
    const writes = async (): Promise<void> => {
      await using stack = await startStack({ engine: h1, services: [] });
      stack.nats.publish("ouroboros.progress.h1.somebody.event", CANARY);
      await stack.nats.flush();
    };
    await assert.rejects(writes, /a secret that the test planted was written/);
  });
});

const COMMANDS = [
  ["status"],
  ["pending"],
  ["history"],
  ["events"],
  ["explain", "web"],
  ["participant", "list"],
  ["participant", "show", "hook"],
  ["participant", "test", "hook", "--wait", "100ms"],
  ["verdict", "web", "proceed"],
];

async function succeeds(stack: Stack, ...args: readonly string[]): Promise<void> {
  const { code, err } = await runOperatorCommand(stack.access, args);
  assert.equal(code, 0, err);
}

/** Every message of every stream and bucket, headers and all. */
async function everythingIn(nats: NatsConnection): Promise<string> {
  const manager = await jetstreamManager(nats);
  const found: string[] = [];
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(config.name, { seq }).catch(() => null);
      if (message !== null) found.push(message.subject, [...message.header].join(), message.string());
    }
  }
  return found.join("\n");
}
