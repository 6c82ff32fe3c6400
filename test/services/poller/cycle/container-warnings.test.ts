import assert from "node:assert/strict";
import {
  containerWarnings,
  unknownNames,
  withoutSwaps,
} from "../../../../services/poller/cycle/container-warnings.ts";
import { FirstStart } from "../../../../services/poller/first-start.ts";
import { groupSkipped, logCycle } from "../../../../services/poller/cycle/log-cycle.ts";
import type { ContainerFacts } from "../../../../shared/containers/container-facts.ts";
import { ContainerNames } from "../../../../shared/runtime/container-names.ts";
import { readSettings } from "../../../../shared/settings/read-settings.ts";
import type { WatchSettings } from "../../../../shared/containers/watch-list.ts";
import { pino } from "pino";

const wishes = (env: NodeJS.ProcessEnv = {}): WatchSettings => readSettings(env, new Map());
const called = (
  name: string,
  labels: ContainerFacts["labels"] = {},
  more: Partial<ContainerFacts> = {},
): ContainerFacts => ({
  ...{ id: name.padEnd(64, "0"), name, reference: "app", imageId: "sha256:1", status: "running", labels },
  ...{ autoRemove: false, dependsOn: [], hardDependsOn: [], refersTo: [], ...more },
});
const WATCHTOWER = "com.centurylinklabs.watchtower";

describe("of what containers say, is told", () => {
  const cases: readonly [string, readonly ContainerFacts[], NodeJS.ProcessEnv, readonly string[]][] = [
    [
      "nothing, where all of it counts",
      [
        called("web", {
          "com.ouroboros.enable": "true",
          [`${WATCHTOWER}.enable`]: "true",
          maintainer: "ann",
        }),
      ],
      { LABEL_ENABLE: "true", COMPAT_LABELS: "watchtower" },
      [],
    ],
    [
      "a label without the setting that reads it, once for all containers",
      [called("web", { "com.ouroboros.enable": "false" }), called("db", { "com.ouroboros.enable": "no" })],
      {},
      ["db,web: label com.ouroboros.enable is not read: set LABEL_ENABLE=true to have it read"],
    ],
    [
      "another updater's label that is not read",
      [called("web", { [`${WATCHTOWER}.enable`]: "true", "wud.watch": "true" })],
      {},
      [
        `web: label ${WATCHTOWER}.enable is not read: set COMPAT_LABELS=watchtower to have it read`,
        "web: label wud.watch is not read: set COMPAT_LABELS=wud to have it read",
      ],
    ],
    [
      "another updater's label that protects nothing, as MONITOR names its container",
      [called("web", { [`${WATCHTOWER}.enable`]: "false" })],
      { MONITOR: "web" },
      [`web: label ${WATCHTOWER}.enable is not read: set COMPAT_LABELS=watchtower to have it read`],
    ],
    ["none for one that protects", [called("web", { [`${WATCHTOWER}.enable`]: "false" })], {}, []],
    [
      "a label that nobody knows, with the near one",
      [called("web", { "com.ouroboros.dependson": "db", "com.ouroborous.enable": "no" })],
      {},
      [
        "web: label com.ouroboros.dependson is no label of Ouroboros; did you mean com.ouroboros.depends_on?",
        "web: label com.ouroborous.enable is no label of Ouroboros; did you mean com.ouroboros.enable?",
      ],
    ],
    [
      "one that is like none",
      [called("web", { "com.ouroboros.colour": "red" })],
      {},
      [
        "web: label com.ouroboros.colour is no label of Ouroboros: look at docs/labels.md, which lists those there are",
      ],
    ],
    [
      "a check that cannot be understood",
      [called("web", { "com.ouroboros.check": "htp://container:80/" })],
      {},
      [
        "web: left alone: its label com.ouroboros.check cannot be understood: htp://container:80/; allowed are http://container:PORT/PATH, https://container:PORT/PATH, tcp://container:PORT and exec:COMMAND",
      ],
    ],
    [
      "a cooldown that cannot be understood, before there is an image to wait for",
      [called("web", { "com.ouroboros.cooldown": "soon" })],
      {},
      [
        "web: left alone: its label com.ouroboros.cooldown cannot be understood: soon; allowed is a number of seconds, or a number with ms, s, m, h, d, w",
      ],
    ],
    [
      "names that no container bears, with the near one",
      [called("web", {}, { dependsOn: ["dbb"] }), called("db", { [`${WATCHTOWER}.depends-on`]: "/weeb" })],
      { COMPAT_LABELS: "watchtower" },
      [
        "web: a dependency label names dbb, but there is no such container; did you mean db?",
        `db: ${WATCHTOWER}.depends-on names weeb, but there is no such container; did you mean web?`,
      ],
    ],
  ];
  for (const [what, all, env, expected] of cases)
    it(what, () =>
      assert.deepEqual(
        containerWarnings(all, wishes(env)).map(
          ({ containers, sentence }) => `${containers.join(",")}: ${sentence}`,
        ),
        expected,
      ),
    );
});

describe("a name in MONITOR or IGNORE that no container bears", () => {
  it("is told with the near one", () => {
    assert.deepEqual(unknownNames(["web", "db"], wishes({ MONITOR: "web weeb", IGNORE: "cache mongo" })), [
      "MONITOR names weeb, but there is no such container; did you mean web?",
      "IGNORE names cache, mongo, but there is no such container: correct the name, or remove it",
    ]);
  });

  it("is known to be nobody's once every Engine was looked at, and told once", () => {
    const census = new ContainerNames(2);
    assert.equal(census.addNames("h1", ["web"]), undefined);
    assert.equal(census.addNames("h1", ["web", "db"]), undefined);
    assert.deepEqual(census.addNames("h2", ["cache"]), ["web", "db", "cache"]);
    assert.equal(census.addNames("h2", []), undefined);
  });
});

describe("what was left alone", () => {
  const left = (name: string, because: string, wrong?: true) => ({
    container: called(name),
    because,
    ...(wrong && { wrong }),
  });
  it("is named by kind, the most first; what is current, told as trouble or part of an update is not", () => {
    const kinds = groupSkipped([
      left("b", "paused"),
      left("a", "built here: its image comes from no registry; run a pulled one"),
      left("c", "paused"),
      left("g", "registry.lab:5000/app@sha256:00ff is refused for all hosts: it is broken"),
      left("d", "current"),
      left("e", "ghcr.io: no answer", true),
      left("f.ouroboros-new-01a", "not running"),
    ]);
    assert.deepEqual(Object.entries(kinds), [
      ["paused", ["b", "c"]],
      ["built here", ["a"]],
      ["registry.lab:5000/app@sha256:00ff is refused for all hosts", ["g"]],
    ]);
  });
  it("is said of a cycle that looked at all containers, not of one that looked at some", () => {
    const linesOf = (isWhole: boolean): string[] => {
      const lines: string[] = [];
      const log = pino(
        {},
        { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) },
      );
      const counts = {
        seen: 2,
        asked: 0,
        unanswered: 0,
        isWhole,
        isThere: true,
        left: [left("a", "paused")],
      };
      const lists = {
        rest: [],
        due: [],
        ignoredLabels: [],
        unseen: [],
        lagging: [],
        warnings: [],
        unknownNames: [],
      };
      logCycle(log, { outcome: { kind: "nothing due" }, ...counts, ...lists }, new Set());
      return lines;
    };
    assert.deepEqual(linesOf(true), ["containers left alone", "cycle ended"]);
    assert.deepEqual(linesOf(false), []);
  });
  it("is no line where nothing was", () => {
    assert.deepEqual(groupSkipped([left("d", "current")]), {});
  });
});

describe("a host on which Ouroboros", () => {
  const said = (record: Parameters<FirstStart["noteRecord"]>[0]): string[] => {
    const lines: string[] = [];
    const log = pino(
      {},
      { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) },
    );
    const first = new FirstStart();
    first.noteRecord(record);
    first.announce(log, [], 3);
    first.announce(log, [], 3);
    return lines;
  };
  const plan = { run: "r", at: "2026-01-01T00:00:00Z", containers: [] };
  it("never acted is told once what becomes of it, and how to watch only", () => {
    const sentence =
      "Ouroboros has never updated anything on this host: nothing is due now, and 3 containers will be updated as newer images come; to watch only, start it with MONITOR_ONLY=true";
    assert.deepEqual(said({ last_plan: null }), [sentence]);
    assert.deepEqual(said({ last_plan: plan, acted: false }), [sentence]);
  });
  it("has acted is told nothing, also where an earlier version did", () => {
    assert.deepEqual(said({ last_plan: plan }), []);
    assert.deepEqual(said({ last_plan: null, acted: true }), []);
  });
});

describe("containers whose update is under way", () => {
  const namesOf = (...names: string[]) =>
    withoutSwaps(names.map((name) => called(name))).map(({ name }) => name);

  it("are each looked at once, under their own name, so that a successor's labels are no news", () => {
    assert.deepEqual(namesOf("web", "web.ouroboros-new-01a"), ["web"]);
    assert.deepEqual(namesOf("db", "web.ouroboros-old-01a-0123456789ab", "web.ouroboros-new-01a"), [
      "db",
      "web",
    ]);
    assert.deepEqual(namesOf("web", "web.ouroboros-kept-01a"), ["web"]);
  });

  it("are missed by no label that names them", () => {
    const all = [called("app", {}, { dependsOn: ["web"] }), called("web.ouroboros-new-01a")];
    assert.deepEqual(containerWarnings(withoutSwaps(all), wishes()), []);
  });
});
