import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Kvm } from "@nats-io/kv";
import { connect } from "nats";
import {
  type CheckName,
  type DoctorFindings,
  type SeenContainer,
  checkNames,
  checks,
} from "../../../cli/commands/doctor-checks.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { engine, startNats } from "../../bed/bed.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { writeNatsConfig, upgradeNatsConfig } from "../../support/nats-config-folder.ts";
import { deploy } from "../../support/containers.ts";
import { openStage } from "../../services/hook-executor/stage.ts";

const container = (name: string, role?: string, more: Partial<SeenContainer> = {}): SeenContainer => ({
  ...{ name, role, networks: ["n"], published: [], mounts: [], variables: [] },
  ...more,
});
const nats = {
  url: "tls://nats:4222",
  isOpen: false,
  isShared: false,
  streams: [],
  withoutReserve: [],
  unreadable: [],
  clockOff: 0,
};
const sock = { source: "/var/run/docker.sock", destination: "/var/run/docker.sock", rw: true };
const on = (...containers: SeenContainer[]): DoctorFindings => ({
  engine: { socket: "unix:///s", api: "1.51", clockOff: 0, containers },
  scripts: [],
});

/** The check that finds it, and the sentence; undefined for a sound set-up. */
const cases: readonly [string, DoctorFindings, CheckName | undefined, RegExp][] = [
  ["a closed NATS is sound", { nats, scripts: [] }, undefined, /^/],
  [
    "an open NATS",
    { nats: { ...nats, isOpen: true }, scripts: [] },
    "NATS users",
    /accepts clients without a key/,
  ],
  [
    "one account for all keys",
    { nats: { ...nats, isShared: true }, scripts: [] },
    "NATS accounts",
    /all keys share one account/,
  ],
  [
    "a host whose messages others can push out",
    { nats: { ...nats, withoutReserve: ["web01"] }, scripts: [] },
    "reserves",
    /another host can push its journal/,
  ],
  [
    "NATS without TLS",
    { nats: { ...nats, url: "nats://nats:4222" }, scripts: [] },
    "NATS encryption",
    /changed on the way/,
  ],
  [
    "loopback needs no TLS",
    { nats: { ...nats, url: "nats://127.0.0.1:4222,nats://[::1]:1" }, scripts: [] },
    undefined,
    /^/,
  ],
  [
    "NATS among strangers",
    on(container("nats", "nats"), container("blog")),
    "NATS neighbours",
    /other containers: blog$/,
  ],
  [
    "NATS among its own",
    on(
      container("nats", "nats"),
      container("poller", "poller"),
      container("blog", undefined, { networks: ["m"] }),
    ),
    undefined,
    /^/,
  ],
  [
    "NATS for everybody",
    on(container("nats", "nats", { published: ["0.0.0.0:4222"] })),
    "NATS neighbours",
    /published at 0\.0\.0\.0:4222/,
  ],
  [
    "a socket nobody needs",
    on(container("exec", "hook-executor", { mounts: [sock] })),
    "socket",
    /hook-executor has the Docker socket/,
  ],
  ["the updater's socket", on(container("updater", "updater", { mounts: [sock] })), undefined, /^/],
  [
    "a hooks folder to write",
    on(container("exec", "hook-executor", { mounts: [{ source: "/x", destination: "/hooks", rw: true }] })),
    "hooks folder",
    /could change the others/,
  ],
  [
    "a script that cannot run",
    { scripts: [{ because: "x is not executable", mend: "chmod +x x" }] },
    "scripts",
    /not executable/,
  ],
  [
    "credentials for any registry",
    on(container("poller", "poller", { variables: ["REPO_USER", "REPO_PASS"] })),
    "credentials",
    /bound to no registry/,
  ],
  [
    "credentials for one registry",
    on(container("poller", "poller", { variables: ["REPO_USER", "REPO_REGISTRY"] })),
    undefined,
    /^/,
  ],
  ["a clock ahead", { nats: { ...nats, clockOff: 90_000 }, scripts: [] }, "clock", /90 s ahead of ours/],
  [
    "a clock behind",
    { engine: { socket: "unix:///s", api: "1.51", clockOff: -31_000, containers: [] }, scripts: [] },
    "clock",
    /31 s behind ours/,
  ],
  [
    "an old Engine",
    { engine: { socket: "unix:///s", api: "1.40", clockOff: 0, containers: [] }, scripts: [] },
    "Engine API",
    /1\.40 is older/,
  ],
  [
    "a stream near its limit",
    { nats: { ...nats, streams: [{ name: "S", bytes: 81, limit: 100 }] }, scripts: [] },
    "streams",
    /81 % full/,
  ],
  [
    "a stream with room",
    {
      nats: {
        ...nats,
        streams: [
          { name: "S", bytes: 80, limit: 100 },
          { name: "T", bytes: 9, limit: -1 },
        ],
      },
      scripts: [],
    },
    undefined,
    /^/,
  ],
  [
    "an entry nobody understands",
    { nats: { ...nats, unreadable: [{ name: "ci", because: "it is no JSON" }] }, scripts: [] },
    "participants",
    /no JSON/,
  ],
];

describe("ouroboros doctor", () => {
  for (const [sentence, seen, check, says] of cases)
    it(`${check === undefined ? "passes" : "finds"} ${sentence}`, () => {
      const found = checkNames.flatMap((name) => checks[name].find(seen).map((one) => ({ name, ...one })));
      assert.deepEqual(
        found.map(({ name }) => name),
        check === undefined ? [] : [check],
      );
      for (const { weakness, mend } of found) {
        assert.match(weakness, says);
        assert.ok(mend.length > 0);
      }
    });

  it("has a case for each check", () =>
    assert.deepEqual(
      checkNames.filter((name) => !cases.some(([, , check]) => check === name)),
      [],
    ));

  for (const [what, write, isFound] of [
    ["that an earlier nats-config wrote", upgradeNatsConfig, true],
    ["of today's nats-config", writeNatsConfig, false],
  ] as const)
    it(`asks a NATS ${what} whether all keys share one account`, async () => {
      await using keys = await write("--hosts", "web01");
      await using server = await startNats({ config: keys.config });
      const env = { NATS_URL: server.url, ...keys.access("operator"), DOCKER_SOCKETS: "unix:///nowhere" };
      assert.equal((await runOperatorCommand(env, ["nats-config", "prepare", "--hosts", "web01"])).code, 0);
      const { out } = await runOperatorCommand(env, ["doctor"]);
      assert.equal(/all keys share one account/.test(out), isFound, out);
      assert.doesNotMatch(out, /^NATS not checked/m);
    });

  it("asks NATS which of the hosts that share it have no reserve", async () => {
    await using server = await startNats();
    await using client = await connect({ servers: server.url });
    const env = { NATS_URL: server.url, DOCKER_SOCKETS: "unix:///nowhere" };
    const withoutReserve = async () => {
      const { out } = await runOperatorCommand(env, ["doctor", "-o", "json"]);
      const { weaknesses } = JSON.parse(out) as {
        weaknesses: { check: string; about: string; mend: string }[];
      };
      return weaknesses.filter(({ check }) => check === "reserves").map(({ about, mend }) => [about, mend]);
    };
    const prepare = (hosts: string) => runOperatorCommand(env, ["nats-config", "prepare", "--hosts", hosts]);
    await prepare("web01");
    const hosts = await new Kvm(client).open(BUCKETS.hosts);
    await hosts.put("web01", "{}");
    assert.deepEqual(await withoutReserve(), [], "a single host has all the room there is");
    await hosts.put("web=2E02", "{}");
    const mend = "ouroboros nats-config prepare --hosts";
    assert.deepEqual(await withoutReserve(), [
      ["web.02", `${mend} web.02`],
      ["web01", `${mend} web01`],
    ]);
    await prepare("web.02");
    assert.deepEqual(await withoutReserve(), []);
  });

  it("looks at what runs, prints a line for each weakness, and ends with 1; with 3 where it could not look", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await deploy(h1, "posing", {
      create: {
        Labels: { "com.ouroboros.role": "hook-executor" },
        HostConfig: { Binds: ["/srv/hooks:/hooks"] },
      },
    });
    await (await new Kvm(stage.nats).open(BUCKETS.participants)).put("odd", "{");
    await stage.folder.put("before_update/x", "#!/bin/sh\n", 0o644);
    const env = {
      NATS_URL: stage.server.url,
      DOCKER_SOCKETS: `unix://${h1.socket}`,
      HOOKS_DIR: stage.folder.path,
    };
    const { code, out } = await runOperatorCommand(env, ["doctor"]);
    assert.equal(code, 1);
    for (const line of [
      /: NATS accepts clients without a key.*\. Mend: /,
      /^posing: a script could change/m,
      /^odd: its entry/m,
      /^hooks: \S+x is not executable\. Mend: chmod/m,
    ])
      assert.match(out, line);
    const { weaknesses, unchecked } = JSON.parse(
      (await runOperatorCommand({ ...env, DOCKER_SOCKETS: "unix:///nowhere" }, ["doctor", "-o", "json"])).out,
    ) as Record<string, { part: string }[]>;
    assert.equal(weaknesses?.length, 3);
    assert.deepEqual(
      unchecked?.map(({ part }) => part),
      ["Engine"],
    );
    await writeFile(join(stage.folder.path, "before_update/x"), "#!/bin/sh\n");
    const blind = await runOperatorCommand(
      { ...env, NATS_URL: "nats://127.0.0.1:1", DOCKER_SOCKETS: "unix:///nowhere", HOOKS_DIR: "" },
      ["doctor"],
    );
    assert.equal(blind.code, 3);
    assert.match(blind.out, /^NATS not checked: .*\nEngine not checked: /);
  });
});
