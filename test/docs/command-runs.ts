/**
 * Where each command that README and docs/ print is run, in the set-up of its page: a test, and words of that test. A
 * command that no row knows fails printed-commands-run.test.ts, and so does a row that no page needs.
 */
import type { CommandName } from "../../cli/framework/command-table.ts";

interface CommandRun {
  /** The command, or the first lines of the block, as the page prints it. */
  readonly prints: RegExp;
  /** A file of test/. */
  readonly test: string;
  /** Words of that file that run it. */
  readonly words: string;
}

const COMPOSE = "end-to-end/compose.test.ts";

/** Blocks, and commands in a sentence that are more than the name of a command of `ouroboros`. */
export const commandRuns: readonly CommandRun[] = [
  { prints: /^docker run -d --name ouroboros --restart/m, test: COMPOSE, words: '"## Run it"' },
  { prints: /^docker exec ouroboros ouroboros status$/m, test: COMPOSE, words: "docker exec ouroboros" },
  { prints: /^mkdir -p ouroboros\/hooks/m, test: COMPOSE, words: '"yaml", "secure.yaml"' },
  { prints: /^printf 'COMPOSE_FILE=/m, test: COMPOSE, words: '"## Many hosts, one NATS"' },
  { prints: /^MONITOR_ONLY=true docker compose up -d$/m, test: COMPOSE, words: "**Watch only first**" },
  { prints: /^mkdir -p hooks\/before_update$/m, test: COMPOSE, words: "**Your first refusal" },
  {
    prints: /^docker compose exec updater ouroboros update web --wait/m,
    test: COMPOSE,
    words: '"**Your first refusal", 1',
  },
  { prints: /^docker compose up(?: -d)?$/m, test: COMPOSE, words: 'compose("up", "-d")' },
  {
    prints: /^docker compose exec updater ouroboros status$/m,
    test: COMPOSE,
    words: '"ouroboros", "status"',
  },
  {
    prints: /^docker compose up -d --force-recreate$/m,
    test: "end-to-end/chaos/owner-acts.ts",
    words: "--force-recreate",
  },
  {
    prints: /^docker run --rm -v "\$PWD\/secure:\/secure" /m,
    test: COMPOSE,
    words: "As soon as other machines are to reach NATS",
  },
  { prints: /^ouroboros participant add backup /m, test: COMPOSE, words: "keysFirst, 1" },
  {
    prints: /^OUROBOROS_HOST=home docker compose -f .* exec updater/m,
    test: COMPOSE,
    words: 'callOf("compose with compose.secure.yaml")',
  },
  {
    prints: /^docker run --rm -v "\$PWD\/secure:\/secure:ro"/m,
    test: COMPOSE,
    words: 'callOf("another machine")',
  },
  { prints: /^docker compose kill -s HUP nats$/m, test: COMPOSE, words: '"kill", "-s", "HUP", "nats"' },
  {
    prints: /^docker compose --profile exporter up -d$/m,
    test: COMPOSE,
    words: "With compose, for one host",
  },
  {
    prints: /^DATA_EXPORT=influxdb .* docker compose --profile exporter up -d$/m,
    test: COMPOSE,
    words: "## InfluxDB 1.x",
  },
  {
    prints: /^docker run -d --name ouroboros … -e DATA_EXPORT=prometheus/m,
    test: COMPOSE,
    words: "The program with all services serves",
  },
  {
    prints: /^docker compose --profile (?:home-assistant|webhook|dashboard|push) up -d$/m,
    test: COMPOSE,
    words: "docker compose --profile home-assistant up -d",
  },
  {
    prints: /^docker compose exec updater ouroboros participant add webhook/m,
    test: COMPOSE,
    words: "add webhook --hooks",
  },
  {
    prints: /^docker compose exec updater ouroboros doctor$/m,
    test: COMPOSE,
    words: "exec updater ouroboros doctor",
  },
  { prints: /^npm start\b/m, test: "cli/all-in-one.test.ts", words: '"npm", "start"' },
  {
    prints: /^npx ouroboros status$/m,
    test: "cli/all-in-one.test.ts",
    words: '"npx", "ouroboros", "status"',
  },
  { prints: /^node -e 0$/m, test: "../bench/commands.bench.ts", words: '"-e", "0"' },
  {
    prints: /^NOTIFIERS=.* ouroboros$/m,
    test: "end-to-end/notifications.test.ts",
    words: "one.start({ NOTIFIERS",
  },
  {
    prints: /^ouroboros participant add webhook --hooks before_update,after_update$/m,
    test: "end-to-end/webhook.test.ts",
    words: "WEBHOOK_URL",
  },
  { prints: /^mosquitto_sub /m, test: "support/mqtt.ts", words: '"mosquitto_sub"' },
  {
    prints: /nats-server -c deploy\/nats\/mqtt\.conf$/m,
    test: "support/mqtt.ts",
    words: "deploy/nats/mqtt.conf",
  },
  {
    prints: /^ouroboros nats-config write secure --hosts web01,web02 .*--hub-url/m,
    test: "support/leaf-fleet.ts",
    words: "--hub-url",
  },
  { prints: /^ouroboros doctor {2,}#/m, test: "cli/commands/doctor.test.ts", words: '"doctor"' },
  { prints: /^ouroboros repair$/m, test: "end-to-end/repair.test.ts", words: '"repair"' },
  {
    prints: /^chmod (?:\+x|o-w)$/,
    test: "services/hook-executor/script-faults.test.ts",
    words: '["+x", "o-w"]',
  },
  { prints: /^openssl rand -hex 24$/, test: "services/dashboard/scene.ts", words: '"rand", "-hex", "24"' },
];

/** A command of `ouroboros` in a sentence, or alone: it is called alike in each set-up (docs/commands.md). */
export const ouroborosRuns: Readonly<Record<CommandName, Omit<CommandRun, "prints">>> = {
  status: { test: "end-to-end/operator.test.ts", words: '"status"' },
  doctor: { test: "cli/commands/doctor.test.ts", words: '"doctor"' },
  explain: { test: "cli/commands/explain.test.ts", words: '"explain"' },
  check: { test: "cli/commands/check.test.ts", words: '"check"' },
  pending: { test: "end-to-end/operator.test.ts", words: '"pending"' },
  verdict: { test: "end-to-end/operator.test.ts", words: '"verdict"' },
  events: { test: "end-to-end/operator.test.ts", words: '"events"' },
  history: { test: "end-to-end/operator.test.ts", words: '"history"' },
  image: { test: "end-to-end/cooldown.test.ts", words: '"image"' },
  approve: { test: "cli/commands/approve.test.ts", words: '"approve"' },
  refuse: { test: "cli/commands/approve.test.ts", words: '"refuse"' },
  update: { test: "end-to-end/rollback.test.ts", words: '"update"' },
  rollback: { test: "end-to-end/rollback.test.ts", words: '"rollback"' },
  repair: { test: "end-to-end/repair.test.ts", words: '"repair"' },
  "host forget": { test: "cli/commands/host-forget.test.ts", words: '"host", "forget"' },
  snooze: { test: "cli/commands/notifications.test.ts", words: '"snooze"' },
  "notify test": { test: "cli/commands/notifications.test.ts", words: '"notify", "test"' },
  "participant add": { test: "end-to-end/participants.test.ts", words: '"participant", "add"' },
  "participant set": { test: "cli/commands/participant.test.ts", words: 'run("set", "ci"' },
  "participant list": { test: "cli/commands/participant.test.ts", words: 'run("list"' },
  "participant show": { test: "cli/commands/participant.test.ts", words: 'run("show", "ci")' },
  "participant remove": { test: "end-to-end/participants.test.ts", words: '"participant", "remove"' },
  "participant test": { test: "cli/commands/participant.test.ts", words: 'run("test", "ci")' },
  "nats-config write": { test: "cli/commands/nats-config.test.ts", words: 'run("write"' },
  "nats-config compose": { test: COMPOSE, words: '"nats-config", 0' },
  "nats-config prepare": { test: "end-to-end/permissions.test.ts", words: '"nats-config", "prepare"' },
  "nats-config hub": { test: "support/leaf-fleet.ts", words: '"hub", "--hosts"' },
  healthcheck: { test: "cli/health.test.ts", words: '"healthcheck"' },
  completion: { test: "cli/framework/completion.test.ts", words: '"completion"' },
};

/** Those that no test runs. */
export const notRun: readonly { readonly prints: RegExp; readonly because: string }[] = [
  {
    prints: /^npm (?:test|run (?:test:full|bench|docs|demo))$/,
    because: "it runs the tests, the benches or the demo themselves, or prints the pages",
  },
  {
    prints: /^docker (?:compose |volume |system |service |node |login )?[a-z]+(?: --?[a-z]+)*(?: REGISTRY)?$/,
    because: "a command of Docker's own, which the sentence names and does not show whole",
  },
  {
    prints: /^docker (?:service (?:ps|rollback|update|scale)|stack deploy)\b/,
    because: "a command of Docker's own; swarm.test.ts makes its services by the Engine's API",
  },
  { prints: /^docker run --name ouroboros$/, because: "the name of a set-up; its command is in the README" },
  { prints: /^docker compose up -d --build$/, because: "the Engines of the tests reach no package mirror" },
  { prints: /^nats --inbox-prefix=/, because: "the nats program is in no package of the test bed" },
  {
    prints: /^printf 'OUROBOROS_HOST=web01|^docker run -d --name hub /,
    because:
      "leaf.full-test.ts has the same folders, keys and servers without compose; a hub and a leaf under compose would need a machine each",
  },
  {
    prints: /^nats-server -c \/etc\/nats\/ouroboros/,
    because: "nats-config.test.ts has the path in the configuration, leaf.full-test.ts starts it elsewhere",
  },
];
