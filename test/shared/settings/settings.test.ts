import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { findDefaultSocket } from "../../../shared/settings/default-socket.ts";
import { CannotStart } from "../../../shared/errors.ts";
import { readFlags, readSettings } from "../../../shared/settings/read-settings.ts";
import { type Setting, type Settings, settings } from "../../../shared/settings/settings.ts";

const none = new Map<string, string>();
/** Each setting takes one of these for something else than its default. */
const OTHERS = [
  ...["true", "no", "77", "tcp://h9:2375", "http://h9", "local", "proceed", "debug", "json", "wud"],
  ...["prometheus", "es_ES", "0 4 * * *", "-1", "mqtt://h9", "*=never"],
  ...["oidc", "newest", "operator=admins", "10.0.0.0/8", "ann:viewer:0123456789-0123456789-0123"],
  "0123456789-0123456789-0123",
];

/** The settings, or why there are none. */
function outcome(env: NodeJS.ProcessEnv): unknown {
  try {
    return readSettings(env, none);
  } catch (error) {
    assert.ok(error instanceof CannotStart);
    return error.message;
  }
}
const from = (env: NodeJS.ProcessEnv, ...args: string[]): Settings => readSettings(env, readFlags(args));

describe("settings", () => {
  it("have a value by default, or none, for every row of the table", () => {
    assert.deepEqual(Object.keys(from({})), Object.keys(settings));
  });

  const cases: readonly [string, NodeJS.ProcessEnv, readonly string[], Partial<Settings>][] = [
    [
      "the defaults",
      {},
      [],
      { INTERVAL: 300_000, CLEANUP: false, LOG_LEVEL: "info", HEALTH_TIMEOUT: undefined },
    ],
    ["the environment", { CLEANUP: "true", MONITOR: "a b" }, [], { CLEANUP: true, MONITOR: ["a", "b"] }],
    [
      "short flags",
      {},
      ["-i", "60", "-c", "-m", "a", "b", "-o"],
      { INTERVAL: 60_000, CLEANUP: true, MONITOR: ["a", "b"], RUN_ONCE: true },
    ],
    ["single-dash words", {}, ["-mo"], { MONITOR_ONLY: true }],
    [
      "long flags, and --flag=value",
      {},
      ["--interval=2m", "--ignore", "a", "b"],
      { INTERVAL: 120_000, IGNORE: ["a", "b"] },
    ],
    ["the environment before flags", { INTERVAL: "60" }, ["--interval", "90"], { INTERVAL: 60_000 }],
    ["flags where a variable is empty", { INTERVAL: " " }, ["--interval", "90"], { INTERVAL: 90_000 }],
    ["at least 30 s between checks", { INTERVAL: "5" }, [], { INTERVAL: 30_000 }],
    [
      "durations with units",
      { HOOK_TIMEOUT: "1.5m", SETTLE_TIME: "200ms" },
      [],
      { HOOK_TIMEOUT: 90_000, SETTLE_TIME: 200 },
    ],
    ["yes, no and any case", { CLEANUP: "YES", RUN_ONCE: "No" }, [], { CLEANUP: true, RUN_ONCE: false }],
    [
      "values in quotes",
      { LOG_LEVEL: '"debug"', CLEANUP: "'true'", MONITOR: '"a" "b"' },
      [],
      { LOG_LEVEL: "debug", CLEANUP: true },
    ],
    ["critical, as pino calls it", { LOG_LEVEL: "critical" }, [], { LOG_LEVEL: "fatal" }],
    [
      "sockets however they are spelt",
      { DOCKER_SOCKETS: "unix://var/run/a.sock /b.sock tcp://h1:2375" },
      [],
      { DOCKER_SOCKETS: ["unix:///var/run/a.sock", "unix:///b.sock", "tcp://h1:2375"] },
    ],
    [
      "what systems set by themselves",
      { LANGUAGE: "en_US:en", LANG: "C.UTF-8", TZ: ":/etc/localtime" },
      [],
      { INTERVAL: 300_000, LANGUAGE: "en" },
    ],
    [
      "short flags that stand together",
      {},
      ["-cki90"],
      { CLEANUP: true, LABEL_ENABLE: true, INTERVAL: 90_000 },
    ],
    [
      "a number below zero after its flag",
      {},
      ["-G", "-1", "-c"],
      { GRACE: Number.POSITIVE_INFINITY, CLEANUP: true },
    ],
    ["long flags that are cut", {}, ["--docker-time", "5"], { DOCKER_TIMEOUT: 5000 }],
    [
      "switches that are given a value",
      {},
      ["--cleanup=no", "--docker-tls-verify=yes"],
      { CLEANUP: false, DOCKER_TLS_VERIFY: true },
    ],
    [
      "DOCKER_HOST where DOCKER_SOCKETS is not given",
      { DOCKER_HOST: "tcp://h1:2376" },
      [],
      { DOCKER_SOCKETS: ["tcp://h1:2376"], DOCKER_TLS: false },
    ],
    [
      "DOCKER_TLS_VERIFY with it, as Docker's own client does",
      { DOCKER_HOST: "tcp://h1:2376", DOCKER_TLS_VERIFY: "1" },
      [],
      { DOCKER_TLS: true, DOCKER_TLS_VERIFY: true },
    ],
    [
      "DOCKER_SOCKETS before DOCKER_HOST",
      { DOCKER_HOST: "tcp://h1:2376", DOCKER_TLS_VERIFY: "1" },
      ["-d", "tcp://h2:2375"],
      { DOCKER_SOCKETS: ["tcp://h2:2375"], DOCKER_TLS: false },
    ],
    [
      "labels of others by name",
      { COMPAT_LABELS: "Watchtower, wud" },
      [],
      { COMPAT_LABELS: ["watchtower", "wud"] },
    ],
    [
      "options of Ouroboros that are switched off",
      { CRON: "none", SELF_UPDATE: "false", NOTIFIERS: "" },
      [],
      { INTERVAL: 300_000 },
    ],
  ];
  for (const [sentence, env, flags, expected] of cases)
    it(`take ${sentence}`, () => {
      const read = from(env, ...flags);
      const got = Object.fromEntries(
        Object.keys(expected).map((name) => [name, read[name as keyof Settings]]),
      );
      assert.deepEqual(got, expected);
    });

  it("drop the quotes around each word of a list", () => {
    assert.deepEqual(from({ MONITOR: `'a' "b"` }).MONITOR, ["a", "b"]);
  });

  it("are told all at once when they are wrong", () => {
    const env = {
      INTERVAL: "often",
      CLEANUP: "maybe",
      LOG_LEVEL: "loud",
      DOCKER_SOCKETS: "h1",
      PARALLEL_PULLS: "0",
      CRON: "* * * *",
      GRACE: "-2",
      INFLUX_PORT: "70000",
      DATA_EXPORT: "csv",
      DOCKER_HOST: "ssh://h1",
      COMPAT_LABELS: "diun",
      MQTT_URL: "mqtt://user:a%zz@h1",
      MQTT_DISCOVERY_PREFIX: "home/#",
      SWARM: "perhaps",
    };
    assert.throws(
      () => readSettings(env, none),
      (error) =>
        error instanceof CannotStart &&
        [
          'INTERVAL: "often": allowed is a number of seconds',
          'CLEANUP: "maybe": allowed are true, yes, false, no',
          'LOG_LEVEL: "loud": allowed are debug',
          'DOCKER_SOCKETS: "h1": allowed are unix:///path',
          'PARALLEL_PULLS: "0": allowed is a whole number from 1',
          'CRON: "* * * *": allowed are five fields',
          'GRACE: "-2": allowed is a duration',
          'INFLUX_PORT: "70000": allowed is a number from 1 to 65535',
          'DATA_EXPORT: "csv": allowed are prometheus, influxdb',
          'DOCKER_HOST: "ssh://h1": allowed are unix:///path',
          "MQTT_URL: (secret): allowed is mqtt://… or mqtts://…",
          'MQTT_DISCOVERY_PREFIX: "home/#": allowed are letters, digits, _ and -',
          'COMPAT_LABELS: "diun": allowed are watchtower, wud',
          'SWARM: "perhaps": allowed are true, also, false',
        ].every((part) => error.message.includes(part)),
    );
  });

  it("of the Engine, where none is given, are the system's, else the user's own", () => {
    const own = { XDG_RUNTIME_DIR: "/run/user/1000" };
    const only = (there: string) => (path: string) => path === there;
    const podman = "/run/user/1000/podman/podman.sock";
    assert.equal(
      findDefaultSocket(own, () => true),
      "unix:///var/run/docker.sock",
    );
    assert.equal(
      findDefaultSocket(own, only("/run/user/1000/docker.sock")),
      "unix:///run/user/1000/docker.sock",
    );
    assert.equal(findDefaultSocket(own, only(podman)), `unix://${podman}`);
    assert.equal(
      findDefaultSocket({}, () => false),
      "unix:///var/run/docker.sock",
    );
  });

  it("that nobody knows do not start the program", () => {
    assert.throws(() => readFlags(["--no-such-flag"]), /--no-such-flag is no option/);
    assert.throws(() => readFlags(["word"]), /word is neither a command nor an option: .* named in MONITOR/);
  });

  describe("from files", () => {
    let folder = "";
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "settings-"));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it("take NAME_FILE, with blanks around it dropped", async () => {
      await writeFile(join(folder, "password"), "secret\n");
      assert.equal(from({ REPO_PASS_FILE: join(folder, "password") }).REPO_PASS, "secret");
    });

    for (const [name, { byDefault = "", read }] of Object.entries<Setting>(settings))
      it(`take ${name}_FILE as they take ${name}`, async () => {
        const other = OTHERS.find((text) => {
          const { data } = read.safeParse(text);
          return data !== undefined && !isDeepStrictEqual(data, read.parse(byDefault));
        });
        assert.ok(other !== undefined, `no value here is one of ${name}`);
        await writeFile(join(folder, "value"), `${other}\n`);
        const [direct, byFile] = [{ [name]: other }, { [`${name}_FILE`]: join(folder, "value") }].map(
          outcome,
        );
        assert.deepEqual(byFile, direct);
        assert.notDeepEqual(byFile, outcome({}));
      });

    it("prefer NAME itself, and NAME_FILE to a flag", async () => {
      await writeFile(join(folder, "user"), "of the file");
      const env = { REPO_USER_FILE: join(folder, "user") };
      assert.equal(from({ ...env, REPO_USER: "direct" }).REPO_USER, "direct");
      assert.equal(from(env, "--repo-user", "flagged").REPO_USER, "of the file");
    });

    it("name the file that cannot be read, beside what else is wrong", () => {
      assert.throws(
        () => readSettings({ REPO_PASS_FILE: join(folder, "nothing"), INTERVAL: "often" }, none),
        (error) =>
          error instanceof CannotStart &&
          /REPO_PASS_FILE: .*ENOENT[^]*INTERVAL|INTERVAL[^]*REPO_PASS_FILE: .*ENOENT/.test(error.message),
      );
    });
  });
});
