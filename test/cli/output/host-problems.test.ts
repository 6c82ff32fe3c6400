import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { summaryOf } from "../../../cli/output/status-text.ts";
import { type HostFacts, findProblems } from "../../../cli/output/host-problems.ts";
import { iso } from "../../../shared/clock.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const ago = (minutes: number): string => iso(NOW - minutes * 60_000);
const fine: HostFacts = {
  ...{ host: "h1", engine_id: "E", ouroboros: "2.0.0", api: "1.41", poller: true, last_seen: ago(1) },
  ...{
    last_poll: ago(1),
    polled: "nothing due",
    updater: "idle",
    trouble: [],
    last_run: null,
    updates: null,
  },
  ...{ poll_failed: null, registry_failures: [], unseen: [], stuck: [], budgets: {}, pending: 0, held: [] },
};
const held = {
  container: "web",
  digest: "sha256:1",
  because: "unhealthy",
  by: "exec_h1",
  until: null,
  tries: 1,
};
const ran = (ends: NonNullable<HostFacts["last_run"]>["ends"]) => ({ run: "01k", at: ago(3), ends });
const budget = { limit: 100, remaining: 9, window_s: 21_600, at: ago(10) };

/** What it is about, and what is said. */
const cases: readonly [string, Partial<HostFacts>, readonly string[]][] = [
  ["nothing where all is well", {}, []],
  ["nothing while a run is under way", { updater: "busy", last_run: ran(null), pending: 2 }, []],
  [
    "nothing where somebody refused or put off",
    { last_run: ran({ web: "refused", db: "deferred" }), held: [{ ...held, end: "refused" }] },
    [],
  ],
  ["an updater that is away", { updater: "away" }, ["no updater acts on it: start the updater"]],
  [
    "a poller that is away",
    { poller: false, last_seen: ago(180) },
    ["its poller does not answer, seen 3 h ago: start the poller"],
  ],
  [
    "a host that is gone",
    { poller: false, updater: "away", last_seen: null },
    [
      "neither a poller nor an updater answers, its poller was never seen: start Ouroboros there, or run `ouroboros host forget h1` if the host is gone for good",
    ],
  ],
  ["what keeps the updater from going on", { trouble: ["the hub is away"] }, ["the hub is away"]],
  ["a poll that failed", { poll_failed: "no Engine" }, ["its last poll failed: no Engine"]],
  [
    "registries that failed, each reason once",
    {
      registry_failures: [
        { because: "ghcr.io is down", containers: ["a", "b", "c", "d", "e", "f", "g"] },
        { because: "quay.io: 401", containers: ["web"] },
      ],
    },
    ["no digest for a, b, c, d, e and 2 more: ghcr.io is down", "no digest for web: quay.io: 401"],
  ],
  [
    "what the Engine cannot show",
    { unseen: [{ container: "odd", because: "500" }] },
    ["odd: the Engine cannot show it: 500"],
  ],
  [
    "a registry that allows few more requests",
    { budgets: { "docker.io": budget } },
    ["docker.io allows only 9 of 100 more requests: log in there, or check less often"],
  ],
  ["no budget that is good enough", { budgets: { "docker.io": { ...budget, remaining: 10 } } }, []],
  ["no budget whose window is over", { budgets: { "docker.io": { ...budget, at: ago(361) } } }, []],
  ["no budget without a limit", { budgets: { x: { ...budget, limit: null, remaining: 1 } } }, []],
  [
    "a container that is stuck, once",
    { stuck: ["web"], last_run: ran({ web: "stuck" }), held: [{ ...held, end: "stuck" }] },
    ["web: an update left it stuck: make room for it, then run `ouroboros repair web --host h1`"],
  ],
  [
    "an update that was rolled back, as long as it is held",
    { held: [{ ...held, end: "rolled_back" }], last_run: ran({ web: "rolled_back" }) },
    ["web: its update was rolled back: unhealthy; held until the tag changes"],
  ],
  [
    "nothing where the operator rolled a container back",
    { held: [{ ...held, end: "rolled_back", by: "operator" }], last_run: ran({ web: "updated" }) },
    [],
  ],
  [
    "an update that failed and is tried again",
    { held: [{ ...held, end: "failed", until: NOW + 300_000 }] },
    ["web: its update failed: unhealthy; tried again in 5 min"],
  ],
  [
    "what was stuck and was put right",
    { held: [{ ...held, end: "stuck" }], last_run: ran({ web: "stuck" }) },
    ["web: its update was rolled back; held until the tag changes"],
  ],
  [
    "what an older updater holds of its own accord",
    { held: [{ ...held, by: "updater" }] },
    ["web: its update failed: unhealthy; held until the tag changes"],
  ],
  [
    "how the last run ended where nothing is held",
    { last_run: ran({ web: "failed", db: "updated" }) },
    ["web: its update failed 3 min ago: `ouroboros explain web --host h1` says why"],
  ],
];

describe("what is wrong on a host", () => {
  for (const [what, known, expected] of cases)
    it(`is ${what}`, () => {
      const found = findProblems({ ...fine, ...known }, NOW);
      assert.deepEqual(
        found.map(({ container, because }) => (container === null ? because : `${container}: ${because}`)),
        expected,
      );
    });
});

describe("the last line of the status", () => {
  const lines: readonly [number, number, Record<string, number>, string][] = [
    [0, 0, {}, "No host yet: no poller and no updater has started."],
    [1, 0, { "2.0.0": 1 }, "1 host, nothing wrong; Ouroboros 2.0.0"],
    [1, 1, {}, "1 host, in trouble"],
    [
      ...([200, 3, { "2.0.0": 198, "1.9.0": 2 }] as const),
      "200 hosts, 3 of them in trouble; Ouroboros 2.0.0 on 198, 1.9.0 on 2",
    ],
  ];
  for (const [hosts, bad, versions, expected] of lines)
    it(`is "${expected}"`, () => assert.equal(summaryOf({ hosts, in_trouble: bad, versions }), expected));
});
