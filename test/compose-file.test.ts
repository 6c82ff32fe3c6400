// compose.yaml and the table of settings: each service gets every setting that is no secret, and of the secrets its own.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ObserverName, observerNames } from "../shared/contract/observers.ts";
import { type Setting, type SettingName, settings } from "../shared/settings/settings.ts";
import { checkout } from "./support/checkout.ts";

const text = readFileSync(join(checkout, "compose.yaml"), "utf8");
const rows = Object.entries<Setting>(settings);
const isSecret = ([, { secret }]: readonly [string, Setting]): boolean => secret === true;

/** What stands below a line, indented more deeply. */
function below(line: string): string {
  const [, rest = ""] = text.split(`\n${line}\n`);
  const indent = /^ */.exec(line)?.[0].length ?? 0;
  const end = rest
    .split("\n")
    .findIndex((one) => one.trim() !== "" && (/^ */.exec(one)?.[0].length ?? 0) <= indent);
  return rest.split("\n").slice(0, end).join("\n");
}
const namesIn = (block: string): string[] =>
  [...block.matchAll(/^ +([A-Z][A-Z_0-9]+): /gm)].map(([, name = ""]) => name);

const PLAIN = namesIn(below("x-settings: &settings"));
const NATS = namesIn(below("x-nats: &nats"));
/** Each observer's secrets. */
const SECRETS: Readonly<Record<ObserverName, readonly SettingName[]>> = {
  notifier: ["NOTIFIERS", "APPRISE_API_URL"],
  exporter: ["INFLUX_PASSWORD"],
  "home-assistant": ["MQTT_URL"],
  dashboard: ["DASHBOARD_TOKENS", "DASHBOARD_OIDC_SECRET"],
  push: ["PUSH_SECRET"],
};
const EVERYBODYS = [...PLAIN, ...NATS];

describe("compose.yaml", () => {
  it("stands alone: it needs no file of a clone", () => {
    assert.doesNotMatch(text, /^ +(?:extends|configs|secrets|file):/m);
    assert.match(text, /^ {2}pull_policy: missing$/m); // else compose builds, and does not ask the registry
    const mounted = [...text.matchAll(/^ +- ([~./][^:]*):/gm)].map(([, source = ""]) => source);
    assert.deepEqual([...new Set(mounted)].sort(), ["./hooks", "/var/run/docker.sock"]);
    assert.match(text, /env_file: \[\{ path: \.env, required: false \}\]/);
  });

  it("hands on every setting that is no secret", () => {
    const ownWay = ["DOCKER_HOST", "HOSTNAME"]; // a shell that runs compose has its own
    const wanted = rows.filter((row) => !isSecret(row)).map(([name]) => name);
    assert.deepEqual(
      wanted.filter((name) => !EVERYBODYS.includes(name) && !ownWay.includes(name)),
      [],
    );
  });

  it("hands on a secret, and the file of one, only to whom it belongs", () => {
    const secrets = rows.filter(isSecret).map(([name]) => name);
    assert.deepEqual(
      secrets.filter((name) => PLAIN.includes(name)),
      [],
    );
    const registries = namesIn(below("x-registries: &registries"));
    assert.deepEqual(
      registries,
      ["REPO_PASS", "HTTP_PROXY", "HTTPS_PROXY"].flatMap((name) => [name, `${name}_FILE`]),
    );
    const webhook = namesIn(below("  webhook:"));
    assert.deepEqual(
      webhook,
      ["WEBHOOK_URL", "WEBHOOK_SECRET", "WEBHOOK_TOKEN"].flatMap((name) => [name, `${name}_FILE`]),
    );
    for (const name of observerNames)
      assert.deepEqual(
        namesIn(below(`  ${name}:`)).filter((given) => secrets.some((secret) => given.startsWith(secret))),
        SECRETS[name].flatMap((secret) => [secret, `${secret}_FILE`]),
      );
    assert.deepEqual(namesIn(below("  poller:")), []);
    assert.deepEqual(namesIn(below("  updater:")), ["NATS_OPERATOR_NKEY_FILE"]);
  });

  it("runs an observer only where its profile asks for it, with a key of its own", () => {
    for (const name of observerNames) {
      const service = below(`  ${name}:`);
      assert.match(service, new RegExp(`^ {4}profiles: \\[${name}\\]$`, "m"));
      assert.match(service, new RegExp(`^ {4}command: \\[${name}\\]$`, "m"));
      assert.match(service, new RegExp(`^ {4}volumes: \\["${name}-keys:/run/secure:ro"\\]$`, "m"));
      assert.match(below("  nats-config:"), new RegExp(`^ {6}- ${name}-keys:/keys/${name}$`, "m"));
      assert.match(below("volumes:"), new RegExp(`^ {2}${name}-keys:$`, "m"));
    }
  });

  it("takes every secret that is not its own from the hook-executor, which gets the whole of .env", () => {
    const emptied = [...below("  hook-executor:").matchAll(/^ +([A-Z_]+): ""$/gm)].map(
      ([, name = ""]) => name,
    );
    const foreign = rows
      .filter(isSecret)
      .map(([name]) => name)
      .filter((name) => !NATS.includes(name));
    assert.deepEqual(emptied.toSorted(), foreign.flatMap((name) => [name, `${name}_FILE`]).toSorted());
  });

  it("publishes three ports, the exporter's, the dashboard's and the push endpoint's, on loopback unless settings say otherwise", () => {
    const ports = [...text.matchAll(/^ +ports: (.*)$/gm)].map(([, written]) => written);
    const published = [
      ["exporter", "PROMETHEUS", 8000],
      ["dashboard", "DASHBOARD", 8010],
      ["push", "PUSH", 8020],
    ] as const;
    assert.deepEqual(
      ports,
      published.map(
        ([, setting, port]) =>
          `[{ host_ip: "\${${setting}_ADDR:-127.0.0.1}", published: "\${${setting}_PORT:-${port}}", target: ${port} }]`,
      ),
    );
    for (const [name, setting, port] of published) {
      const service = below(`  ${name}:`);
      assert.match(service, /^ +ports: /m);
      assert.match(service, new RegExp(`^ +${setting}_ADDR: 0\\.0\\.0\\.0 `, "m"));
      assert.match(service, new RegExp(`^ +${setting}_PORT: ${port}$`, "m"));
      assert.match(service, new RegExp(`^ +profiles: \\[${name}\\]$`, "m"));
    }
  });
});
