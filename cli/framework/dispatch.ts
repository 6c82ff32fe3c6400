// Finds the runner for the words of a command line. Each command runs only its own code: to run that of all would take
// longer than to ask NATS.
import { EXIT } from "./command.ts";
import { type CommandName, commandNames, isCommand, splitCommand } from "./command-table.ts";
import { services } from "./service-table.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import { type CommandRunner, runCommand } from "./run-command.ts";
import type { Terminal } from "./terminal.ts";
import { programUsage, commandUsage, groupUsage, readVersion } from "./usage.ts";

const runners: { readonly [N in CommandName]: () => Promise<CommandRunner<N>> } = {
  status: async () => (await import("../commands/status.ts")).runStatus,
  doctor: async () => (await import("../commands/doctor.ts")).runDoctor,
  explain: async () => (await import("../commands/explain.ts")).runExplain,
  check: async () => (await import("../commands/check.ts")).runCheck,
  pending: async () => (await import("../commands/pending.ts")).runPending,
  verdict: async () => (await import("../commands/verdict.ts")).runVerdict,
  events: async () => (await import("../commands/events.ts")).runEvents,
  history: async () => (await import("../commands/history.ts")).runHistory,
  image: async () => (await import("../commands/image.ts")).runImage,
  update: async () => (await import("../commands/update-and-rollback.ts")).operatorRequestRunner("update"),
  rollback: async () =>
    (await import("../commands/update-and-rollback.ts")).operatorRequestRunner("rollback"),
  repair: async () => (await import("../commands/repair.ts")).runRepair,
  approve: async () => (await import("../commands/approve.ts")).runApprove,
  refuse: async () => (await import("../commands/approve.ts")).runRefuse,
  "host forget": async () => (await import("../commands/host-forget.ts")).runForget,
  snooze: async () => (await import("../commands/snooze.ts")).runSnooze,
  "notify test": async () => (await import("../commands/notify-test.ts")).runNotifyTest,
  "participant add": async () => (await import("../commands/participant.ts")).runAdd,
  "participant set": async () => (await import("../commands/participant-set.ts")).runSet,
  "participant list": async () => (await import("../commands/participant.ts")).runList,
  "participant show": async () => (await import("../commands/participant.ts")).runShow,
  "participant remove": async () => (await import("../commands/participant.ts")).runRemove,
  "participant test": async () => (await import("../commands/participant-test.ts")).runTest,
  "nats-config write": async () => (await import("../commands/nats-config.ts")).runWrite,
  "nats-config compose": async () => (await import("../commands/nats-config-compose.ts")).runCompose,
  "nats-config prepare": async () => (await import("../commands/nats-config.ts")).runPrepare,
  "nats-config hub": async () => (await import("../commands/nats-config.ts")).runHub,
  healthcheck: async () => {
    const { healthcheck } = await import("../commands/healthcheck.ts");
    return ({ live }, terminal) => healthcheck(live ? "/healthz" : "/readyz", terminal);
  },
  completion: async () => (await import("./completion.ts")).runCompletion,
};

type CommandStart = (terminal: Terminal) => Promise<number>;

/** What these words start; undefined where they name no command, but a service, options or nothing. */
export function findCommand(args: readonly string[]): CommandStart | undefined {
  const [first = "", second = ""] = args;
  if (first === "known")
    return async (terminal) =>
      (await import("../commands/completion-values.ts")).printCompletionValues(args.slice(1), terminal);
  if (first === "help") return (terminal) => Promise.resolve(printHelp(args.slice(1), terminal));
  if (first === "version")
    return ({ stdout }) => {
      stdout.write(`${readVersion()}\n`);
      return Promise.resolve(EXIT.done.code);
    };
  const found = splitCommand(args);
  if (found !== undefined) return startCommand(found.name, found.rest);
  const group = commandNames.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0) return (terminal) => Promise.resolve(printGroupHelp(first, second, terminal));
  if (first === "" || first.startsWith("-") || Object.hasOwn(services, first)) return undefined;
  return ({ stderr }) => {
    stderr.write(`ouroboros: ${first} is no command${suggestionFor(args)}\n`);
    return Promise.resolve(EXIT.wrong.code);
  };
}

/** The first word may be a misspelt command, or the words may be containers to watch, as other updaters take them. */
function suggestionFor(args: readonly string[]): string {
  const [first = ""] = args;
  const known = [...Object.keys(services), ...commandNames.map((name) => name.split(" ")[0] ?? name)];
  const near = didYouMean(first, known);
  if (near !== "" && args.length === 1) return near;
  const names = args.filter((arg) => !arg.startsWith("-")).join(" ");
  return `; \`ouroboros help\` lists them. To watch only the containers ${names}, set MONITOR="${names}"`;
}

const startCommand =
  (name: CommandName, args: readonly string[]): CommandStart =>
  async (terminal) =>
    runCommand(name, await runners[name](), args, terminal);

/** `ouroboros help`, `ouroboros help status`, `ouroboros help participant add`. */
function printHelp(words: readonly string[], { stdout, stderr }: Terminal): number {
  const name = words.join(" ");
  const isGroup = commandNames.some((command) => command.startsWith(`${name} `));
  if (name !== "" && !isCommand(name) && !isGroup && !Object.hasOwn(services, name)) {
    stderr.write(`ouroboros help: ${name} is no command${didYouMean(name, commandNames)}\n`);
    return EXIT.wrong.code;
  }
  stdout.write(
    isCommand(name) ? commandUsage(name) : isGroup && name !== "" ? groupUsage(name) : `${programUsage()}\n`,
  );
  return EXIT.done.code;
}

function printGroupHelp(group: string, word: string, { stdout, stderr }: Terminal): number {
  if (word === "--help" || word === "-h") {
    stdout.write(groupUsage(group));
    return EXIT.done.code;
  }
  const verbs = commandNames
    .filter((name) => name.startsWith(`${group} `))
    .map((name) => name.slice(group.length + 1));
  const what = word === "" ? "what?" : `${word} is no command${didYouMean(word, verbs)}`;
  stderr.write(`ouroboros ${group}: ${what}\n${groupUsage(group)}`);
  return EXIT.wrong.code;
}
