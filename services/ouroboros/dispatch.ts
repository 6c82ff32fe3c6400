// From the words of the command line to the code behind a command of the table. A command loads its own code alone:
// reading all of it would take longer than asking NATS does.
import { EXIT } from "./command.ts";
import { type CommandName, commandNames, commands, services } from "./commands.ts";
import { didYouMean } from "../../shared/nearest.ts";
import { type CommandRunner, runCommand } from "./run-command.ts";
import type { Terminal } from "./terminal.ts";
import { usage, usageOf, usageOfGroup, version } from "./usage.ts";

const runs: { readonly [N in CommandName]: () => Promise<CommandRunner<N>> } = {
  status: async () => (await import("./status.ts")).runStatus,
  doctor: async () => (await import("./doctor.ts")).runDoctor,
  explain: async () => (await import("./explain.ts")).runExplain,
  check: async () => (await import("./check.ts")).runCheck,
  pending: async () => (await import("./pending.ts")).runPending,
  verdict: async () => (await import("./verdict.ts")).runVerdict,
  events: async () => (await import("./events.ts")).runEvents,
  history: async () => (await import("./history.ts")).runHistory,
  update: async () => (await import("./wish.ts")).wish("update"),
  rollback: async () => (await import("./wish.ts")).wish("rollback"),
  repair: async () => (await import("./repair.ts")).runRepair,
  "host forget": async () => (await import("./host.ts")).runForget,
  "participant add": async () => (await import("./participant.ts")).runAdd,
  "participant set": async () => (await import("./participant-set.ts")).runSet,
  "participant list": async () => (await import("./participant.ts")).runList,
  "participant show": async () => (await import("./participant.ts")).runShow,
  "participant remove": async () => (await import("./participant.ts")).runRemove,
  "participant test": async () => (await import("./participant-test.ts")).runTest,
  "nats-config write": async () => (await import("./nats-config.ts")).runWrite,
  "nats-config compose": async () => (await import("./compose-keys.ts")).runCompose,
  "nats-config prepare": async () => (await import("./nats-config.ts")).runPrepare,
  "nats-config hub": async () => (await import("./nats-config.ts")).runHub,
  healthcheck: async () => {
    const { healthcheck } = await import("./healthcheck.ts");
    return ({ live }, terminal) => healthcheck(live ? "/healthz" : "/readyz", terminal);
  },
  completion: async () => (await import("./completion.ts")).runCompletion,
};

type Started = (terminal: Terminal) => Promise<number>;

/** What these words start, resolving with its exit code; undefined where their first is like no command. */
export function commandIn(args: readonly string[]): Started | undefined {
  const [first = "", second = "", ...rest] = args;
  if (first === "known")
    return async (terminal) => (await import("./known.ts")).printKnown(args.slice(1), terminal);
  if (first === "help") return (terminal) => Promise.resolve(helpWithAll(args.slice(1), terminal));
  if (first === "version")
    return ({ stdout }) => {
      stdout.write(`${version()}\n`);
      return Promise.resolve(EXIT.done.code);
    };
  if (isCommand(first)) return start(first, args.slice(1));
  if (isCommand(`${first} ${second}`)) return start(`${first} ${second}` as CommandName, rest);
  const group = commandNames.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0) return (terminal) => Promise.resolve(helpWith(first, second, terminal));
  if (first === "" || first.startsWith("-") || Object.hasOwn(services, first)) return undefined;
  return ({ stderr }) => {
    stderr.write(`ouroboros: ${first} is no command${meantBy(args)}\n`);
    return Promise.resolve(EXIT.wrong.code);
  };
}

/** A command that is spelled otherwise, or containers to watch, as other updaters take them. */
function meantBy(args: readonly string[]): string {
  const [first = ""] = args;
  const known = [...Object.keys(services), ...commandNames.map((name) => name.split(" ")[0] ?? name)];
  const near = didYouMean(first, known);
  if (near !== "" && args.length === 1) return near;
  const names = args.filter((arg) => !arg.startsWith("-")).join(" ");
  return `; \`ouroboros help\` lists them. To watch only the containers ${names}, set MONITOR="${names}"`;
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

const start =
  (name: CommandName, args: readonly string[]): Started =>
  async (terminal) =>
    runCommand(name, await runs[name](), args, terminal);

/** `ouroboros help`, `ouroboros help status`, `ouroboros help participant add`. */
function helpWithAll(words: readonly string[], { stdout, stderr }: Terminal): number {
  const name = words.join(" ");
  const isGroup = commandNames.some((one) => one.startsWith(`${name} `));
  if (name !== "" && !isCommand(name) && !isGroup && !Object.hasOwn(services, name)) {
    stderr.write(`ouroboros help: ${name} is no command${didYouMean(name, commandNames)}\n`);
    return EXIT.wrong.code;
  }
  stdout.write(
    isCommand(name) ? usageOf(name) : isGroup && name !== "" ? usageOfGroup(name) : `${usage()}\n`,
  );
  return EXIT.done.code;
}

function helpWith(group: string, word: string, { stdout, stderr }: Terminal): number {
  if (word === "--help" || word === "-h") {
    stdout.write(usageOfGroup(group));
    return EXIT.done.code;
  }
  const verbs = commandNames
    .filter((name) => name.startsWith(`${group} `))
    .map((name) => name.slice(group.length + 1));
  const what = word === "" ? "what?" : `${word} is no command${didYouMean(word, verbs)}`;
  stderr.write(`ouroboros ${group}: ${what}\n${usageOfGroup(group)}`);
  return EXIT.wrong.code;
}
