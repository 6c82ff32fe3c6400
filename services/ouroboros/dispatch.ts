// From the words of the command line to the code behind a command of the table.
import { runCheck } from "./check.ts";
import { runCompletion } from "./completion.ts";
import { runCompose } from "./compose-keys.ts";
import { type CommandName, commandNames, commands, services } from "./commands.ts";
import { EXIT } from "./command.ts";
import { runDoctor } from "./doctor.ts";
import { runEvents } from "./events.ts";
import { runExplain } from "./explain.ts";
import { healthcheck } from "./healthcheck.ts";
import { runHistory } from "./history.ts";
import { printKnown } from "./known.ts";
import { runHub, runPrepare, runWrite } from "./nats-config.ts";
import { didYouMean } from "./nearest.ts";
import { runAdd, runList, runRemove, runShow } from "./participant.ts";
import { runTest } from "./participant-test.ts";
import { runPending } from "./pending.ts";
import { runRepair } from "./repair.ts";
import { type Run, runCommand } from "./run-command.ts";
import { runStatus } from "./status.ts";
import type { Terminal } from "./terminal.ts";
import { usageOfGroup } from "./usage.ts";
import { runVerdict } from "./verdict.ts";
import { wish } from "./wish.ts";

const runs: { readonly [N in CommandName]: Run<N> } = {
  status: runStatus,
  doctor: runDoctor,
  explain: runExplain,
  check: runCheck,
  pending: runPending,
  verdict: runVerdict,
  events: runEvents,
  history: runHistory,
  update: wish("update"),
  rollback: wish("rollback"),
  repair: runRepair,
  "participant add": runAdd,
  "participant list": runList,
  "participant show": runShow,
  "participant remove": runRemove,
  "participant test": runTest,
  "nats-config write": runWrite,
  "nats-config compose": runCompose,
  "nats-config prepare": runPrepare,
  "nats-config hub": runHub,
  healthcheck: ({ live }, terminal) => healthcheck(live ? "/healthz" : "/readyz", terminal),
  completion: runCompletion,
};

type Started = (terminal: Terminal) => Promise<number>;

/** What these words start, resolving with its exit code; undefined where their first is like no command. */
export function commandIn(args: readonly string[]): Started | undefined {
  const [first = "", second = "", ...rest] = args;
  if (first === "known") return (terminal) => printKnown(args.slice(1), terminal);
  if (isCommand(first)) return start(first, args.slice(1));
  if (isCommand(`${first} ${second}`)) return start(`${first} ${second}` as CommandName, rest);
  const group = commandNames.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0) return (terminal) => Promise.resolve(helpWith(first, second, terminal));
  const words = [...Object.keys(services), ...commandNames.map((name) => name.split(" ")[0] ?? name)];
  const near = first === "" || first.startsWith("-") || words.includes(first) ? "" : didYouMean(first, words);
  if (near === "") return undefined;
  return ({ stderr }) => {
    stderr.write(`ouroboros: ${first} is no command${near}\n`);
    return Promise.resolve(EXIT.wrong.code);
  };
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

const start =
  (name: CommandName, args: readonly string[]): Started =>
  (terminal) =>
    runCommand(name, runs[name], args, terminal);

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
