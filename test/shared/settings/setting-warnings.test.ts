import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { guessSetting } from "../../../shared/settings/misspelt-settings.ts";
import { readFlags, readSettings } from "../../../shared/settings/read-settings.ts";
import { settingWarnings } from "../../../shared/settings/setting-warnings.ts";
import { settings } from "../../../shared/settings/settings.ts";
import { readWatchtowerSchedule } from "../../../shared/settings/watchtower-schedule.ts";
import { watchtowerSettings } from "../../../shared/settings/watchtower-settings.ts";

const warningsOf = (env: NodeJS.ProcessEnv, ...args: string[]): readonly string[] =>
  settingWarnings(env, readFlags(args), readSettings(env, readFlags(args)));

const warned: readonly [string, NodeJS.ProcessEnv, readonly string[]][] = [
  ["nothing where all is well", { MONITOR: "web db", INTERVAL: "30", REPO_USER: "u", REPO_PASS: "p" }, []],
  [
    "a variable that is nearly a setting",
    { MONITR_ONLY: "no", INTERVALL: "60", REPO_PAS_FILE: "/x" },
    [
      "INTERVALL is no setting and is not read; did you mean INTERVAL?",
      "MONITR_ONLY is no setting and is not read; did you mean MONITOR_ONLY?",
      "REPO_PAS_FILE is no setting and is not read; did you mean REPO_PASS_FILE?",
    ],
  ],
  [
    "commas in a list",
    { IGNORE: "web,db", MONITOR: "a, b", EVENT_LABELS: "x" },
    [
      'MONITOR has a comma, which is read as a blank: its words are separated by blanks, as in MONITOR="a b"',
      'IGNORE has a comma, which is read as a blank: its words are separated by blanks, as in IGNORE="web db"',
    ],
  ],
  [
    "a comma between sockets, where a path may have one",
    { DOCKER_SOCKETS: "unix:///a,unix:///b" },
    [
      'DOCKER_SOCKETS has a comma: its entries are separated by blanks, as in DOCKER_SOCKETS="unix:///a unix:///b"',
    ],
  ],
  [
    "a short interval",
    { INTERVAL: "10" },
    ["INTERVAL 10 is too short: 30 s is taken, the shortest there is"],
  ],
  [
    "half of a pair",
    { REPO_USER: "ann" },
    ["REPO_USER without REPO_PASS is not used: set REPO_PASS too, or unset REPO_USER"],
  ],
  [
    "the other half",
    { REPO_PASS: "secret" },
    ["REPO_PASS without REPO_USER is not used: set REPO_USER too, or unset REPO_PASS"],
  ],
  [
    "a file beside its variable",
    { REPO_USER: "u", REPO_PASS: "p", REPO_PASS_FILE: "/nothing" },
    ["REPO_PASS_FILE is not read: REPO_PASS is set"],
  ],
  [
    "labels only, and no label",
    { LABELS_ONLY: "true" },
    ["LABELS_ONLY without LABEL_ENABLE watches nothing: set LABEL_ENABLE=true too"],
  ],
  [
    "two times to check",
    { INTERVAL: "60", CRON: "0 4 * * *" },
    ["INTERVAL is not read: CRON says when to check"],
  ],
  [
    "what watchtower would understand",
    { WATCHTOWER_CLEANUP: "true", WATCHTOWER_NOTIFICATIONS: "email", WATCHTOWER_TIMEOUT: "30s" },
    [
      "WATCHTOWER_CLEANUP is not read; set COMPAT_LABELS=watchtower to have it read, or use `CLEANUP`",
      "WATCHTOWER_NOTIFICATIONS is not read; each URL in `NOTIFIERS` names its service",
      "WATCHTOWER_TIMEOUT is not read; each container's own stop timeout counts",
    ],
  ],
  [
    "what one's own setting says already",
    { WATCHTOWER_DISABLE_CONTAINERS: "web", IGNORE: "db", COMPAT_LABELS: "watchtower" },
    ["WATCHTOWER_DISABLE_CONTAINERS is not read: IGNORE is set"],
  ],
  [
    "nothing that watchtower's no leaves as it is",
    { WATCHTOWER_MONITOR_ONLY: "false" },
    [
      "WATCHTOWER_MONITOR_ONLY is not read; set COMPAT_LABELS=watchtower to have it read, or use `MONITOR_ONLY`",
    ],
  ],
];

describe("the start warns of", () => {
  for (const [what, env, expected] of warned) it(what, () => assert.deepEqual(warningsOf(env), expected));

  it("what a flag asks for", () => {
    assert.deepEqual(warningsOf({}, "--interval", "5"), [
      "INTERVAL 5 is too short: 30 s is taken, the shortest there is",
    ]);
  });
});

/** What is given, and which of it keeps the program from starting. */
const narrowing: readonly [string, NodeJS.ProcessEnv, readonly string[]][] = [
  ["monitor only", { MONITR_ONLY: "true" }, ["MONITR_ONLY"]],
  ["monitor only, from a file", { MONITR_ONLY_FILE: "/x" }, ["MONITR_ONLY_FILE"]],
  ["a dry run", { DRYRUN: "1" }, ["DRYRUN"]],
  ["names and labels", { MONITORS: "web", LABELS_ENABLE: "yes" }, ["LABELS_ENABLE", "MONITORS"]],
  ["whose labels count", { COMPAT_LABEL: "watchtower" }, ["COMPAT_LABEL"]],
  ["with our prefix", { OUROBOROS_IGNORE: "db" }, ["OUROBOROS_IGNORE"]],
  ["nothing that is off or empty", { MONITR_ONLY: "false", DRYRUN: "", MONITORS: "  " }, []],
  ["nothing where the setting itself is given", { MONITR_ONLY: "true", MONITOR_ONLY: "false" }, []],
  ["nothing where nothing is updated", { MONITORS: "web", MONITOR_ONLY: "true" }, []],
  ["nothing else", { INTERVALL: "60", CLEANUPS: "true", RUNONCE: "true" }, []],
];

describe("a near miss keeps the program from starting where it would have kept containers from being updated:", () => {
  for (const [what, env, names] of narrowing)
    it(what, () => {
      if (names.length === 0) return void readSettings(env, new Map());
      assert.throws(
        () => readSettings(env, new Map()),
        ({ message }: Error) =>
          names.every((name) => message.includes(`\n  ${name} is no setting and is not read, and `)) &&
          message.split("\n").length === names.length + 1,
      );
    });
});

describe("a variable that is no setting", () => {
  const meant: readonly [string, string][] = [
    ["LABELS_ENABLE", "LABEL_ENABLE"],
    ["DOCKER_SOCKET", "DOCKER_SOCKETS"],
    ["monitor_only", "MONITOR_ONLY"],
    ["MONITOR-ONLY", "MONITOR_ONLY"],
    ["OUROBOROS_INTERVAL", "INTERVAL"],
    ["CORN", "CRON"],
    ["RUNONCE", "RUN_ONCE"],
    ["HOOK_DIR", "HOOKS_DIR"],
    ["NATS_URI", "NATS_URL"],
  ];
  for (const [given, expected] of meant)
    it(`${given} is meant as ${expected}`, () => assert.equal(guessSetting(given), expected));

  const others = [
    ...Object.keys(settings),
    ...["FTP_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "NATS_PORT", "NATS_NAME"],
    ...["NATS_PORT_4222_TCP", "NATS_PORT_4222_TCP_ADDR", "NATS_SERVICE_HOST", "NATS_SERVICE_PORT"],
    ...["NATS_SERVER", "NATS_ENV_NATS_SERVER", "OUROBOROS_PORT", "PATH", "HOME", "LANG", "LOGNAME"],
    ...["DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_TLS_CERTDIR", "TRACE", "TMP"],
    ...["NODE_EXTRA_CA_CERTS", "HOSTTYPE", "XDG_DATA_DIRS", "SNAP", "REPO_PASS_FILE", "TERM"],
  ];
  for (const given of others)
    it(`${given} is as it should be`, () => assert.equal(guessSetting(given), undefined));
});

describe("watchtower's variables", () => {
  const compat = { COMPAT_LABELS: "watchtower" };
  const read: readonly [string, NodeJS.ProcessEnv, object][] = [
    [
      "are understood",
      {
        WATCHTOWER_MONITOR_ONLY: "true",
        WATCHTOWER_CLEANUP: "1",
        WATCHTOWER_POLL_INTERVAL: "3600",
        WATCHTOWER_RUN_ONCE: "T",
        WATCHTOWER_DISABLE_CONTAINERS: "web,db",
        WATCHTOWER_DEBUG: "true",
      },
      {
        MONITOR_ONLY: true,
        CLEANUP: true,
        INTERVAL: 3_600_000,
        RUN_ONCE: true,
        IGNORE: ["web", "db"],
        LOG_LEVEL: "debug",
      },
    ],
    [
      "watch labelled containers only",
      { WATCHTOWER_LABEL_ENABLE: "true" },
      { LABEL_ENABLE: true, LABELS_ONLY: true },
    ],
    ["have a schedule of six fields", { WATCHTOWER_SCHEDULE: "0 30 4 * * 1-5" }, { CRON: "30 4 * * 1-5" }],
    [
      "come after our own",
      { WATCHTOWER_MONITOR_ONLY: "true", MONITOR_ONLY: "false" },
      { MONITOR_ONLY: false },
    ],
  ];
  for (const [what, env, expected] of read)
    it(what, () => {
      const found: Record<string, unknown> = readSettings({ ...compat, ...env }, new Map());
      assert.deepEqual(
        Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]])),
        expected,
      );
    });

  const stops: readonly [string, NodeJS.ProcessEnv, RegExp][] = [
    [
      "to watch only, where nobody reads them",
      { WATCHTOWER_MONITOR_ONLY: "true" },
      /WATCHTOWER_MONITOR_ONLY keeps containers from being updated, and it is not read; set COMPAT_LABELS=watchtower/,
    ],
    ["to watch some only", { WATCHTOWER_LABEL_ENABLE: "1" }, /WATCHTOWER_LABEL_ENABLE keeps/],
    ["to leave some alone", { WATCHTOWER_DISABLE_CONTAINERS: "db" }, /WATCHTOWER_DISABLE_CONTAINERS keeps/],
    ["a scope, which is not had here", { ...compat, WATCHTOWER_SCOPE: "mine" }, /WATCHTOWER_SCOPE keeps/],
    [
      "a word that nobody understands",
      { ...compat, WATCHTOWER_MONITOR_ONLY: "maybe" },
      /WATCHTOWER_MONITOR_ONLY: "maybe" cannot be understood; here it is `MONITOR_ONLY`/,
    ],
    [
      "a time that nobody understands",
      { ...compat, WATCHTOWER_SCHEDULE: "often" },
      /WATCHTOWER_SCHEDULE: "often"/,
    ],
  ];
  for (const [what, env, expected] of stops)
    it(`stop the start where they ask ${what}`, () => {
      assert.throws(() => readSettings(env, new Map()), { name: "CannotStart", message: expected });
    });

  it("stop nothing where our own setting says what is wanted", () => {
    const given = readSettings({ WATCHTOWER_SCOPE: "mine", MONITOR_ONLY: "true" }, new Map());
    assert.equal(given.MONITOR_ONLY, true);
    assert.equal(
      readSettings({ WATCHTOWER_MONITOR_ONLY: "true", MONITOR_ONLY: "no" }, new Map()).MONITOR_ONLY,
      false,
    );
  });

  it("stand in the page about coming from watchtower", () => {
    const page = readFileSync("docs/migrating-from-watchtower.md", "utf8");
    for (const [name, { says }] of Object.entries(watchtowerSettings))
      assert.ok(page.includes(`| \`WATCHTOWER_${name}\` | ${says} |`), name);
  });
});

describe("a schedule of watchtower's", () => {
  const schedules: readonly [string, object | undefined][] = [
    ["0 0 4 * * *", { CRON: "0 4 * * *" }],
    ["30 15 4 ? * MON-FRI", { CRON: "15 4 * * MON-FRI" }],
    ["0 0 4 * *", { CRON: "0 4 * * *" }],
    ["0 */10 * * * *", { CRON: "*/10 * * * *" }],
    ["@daily", { CRON: "0 0 * * *" }],
    ["@every 1h30m", { INTERVAL: "5400" }],
    ["0 4 * *", undefined],
    ["0 0 4 1 * 1", undefined],
    ["", undefined],
    ["@never", undefined],
  ];
  for (const [text, expected] of schedules)
    it(`${text} means ${JSON.stringify(expected)}`, () =>
      assert.deepEqual(readWatchtowerSchedule(text), expected));
});
