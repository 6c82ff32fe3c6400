// `ouroboros explain`: why a container was or was not updated, from the pollers, the held digests and the journal.
import { parseArgs } from "node:util";
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type NatsConnection, NoRespondersError, RequestError, TimeoutError } from "nats";
import { pino } from "pino";
import { CannotStart } from "../../shared/errors.ts";
import { HeldEntry } from "../../shared/held.ts";
import { lastOn, nextOn } from "../../shared/jetstream.ts";
import { parseJson } from "../../shared/messages.ts";
import { connectNats, natsAnswers } from "../../shared/nats.ts";
import { RunRecord } from "../../shared/run-records.ts";
import { readSettings } from "../../shared/read-settings.ts";
import type { Settings } from "../../shared/settings.ts";
import { BUCKETS, STREAMS, heldKey, subjects } from "../../shared/subjects.ts";
import { isToken, untoken } from "../../shared/tokens.ts";
import { type Explanation, type LastEnd, Status, asText, findSeen, whyBlind } from "./explanation.ts";
import { WrongUsage } from "./participant-command.ts";

const USAGE = `Why a container was or was not updated.

Usage:
  ouroboros explain CONTAINER [--host HOST] [-o json]

CONTAINER is a name, an id or the first twelve or more characters of one; it is looked for on every host, or on HOST.
Says what the last poll decided and why, what is held, and how the last run with the container ended for it. With
-o json the answer is JSON. NATS_URL and the other settings of NATS are read from the environment. Exits with 0; 1
where no host has the container or it could not be asked; 2 where the command makes no sense.
`;

interface Process {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: { readonly write: (text: string) => unknown };
  readonly stderr: { readonly write: (text: string) => unknown };
}

interface Question {
  readonly container: string;
  /** All where undefined. */
  readonly host: string | undefined;
  readonly json: boolean;
}

/** Resolves with the exit code. */
export async function explainContainer(
  args: readonly string[],
  { env, stdout, stderr }: Process,
): Promise<number> {
  const complain = (what: string): unknown => stderr.write(`ouroboros explain: ${what}\n`);
  try {
    const question = questionFrom(args);
    if (question === "help") {
      stdout.write(USAGE);
      return 0;
    }
    const { found, blind } = await ask(question, readSettings(env, new Map()));
    blind.forEach(complain);
    if (question.json) stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    else found.forEach((one) => stdout.write(asText(one)));
    if (found.length > 0) return 0;
    complain(`no container ${question.container} was seen${question.host ? ` on ${question.host}` : ""}`);
    return 1;
  } catch (error) {
    if (!(error instanceof WrongUsage || error instanceof CannotStart)) throw error;
    complain(error.message);
    return error instanceof WrongUsage ? 2 : 1;
  }
}

const options = {
  host: { type: "string" },
  output: { type: "string", short: "o", default: "text" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @throws WrongUsage */
function questionFrom(args: readonly string[]): Question | "help" {
  const { values, positionals } = parsed(args);
  const [container = "", ...more] = positionals.map((name) => name.replace(/^\//, ""));
  if (values.help || args.length === 0) return "help";
  if (container === "") throw new WrongUsage("CONTAINER is missing");
  if (more.length > 0) throw new WrongUsage(`${more.join(" ")}: one CONTAINER at a time`);
  if (!["text", "json"].includes(values.output))
    throw new WrongUsage(`-o ${JSON.stringify(values.output)}: allowed are text, json`);
  if (values.host === "") throw new WrongUsage('--host "": a name is needed');
  return { container, host: values.host, json: values.output === "json" };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw new WrongUsage((cause as Error).message, { cause });
  }
}

interface Answers {
  readonly found: readonly Explanation[];
  /** Hosts that could say nothing, and why. */
  readonly blind: readonly string[];
}

/** @throws CannotStart where NATS cannot be used. */
async function ask(question: Question, settings: Settings): Promise<Answers> {
  if (settings.NATS_URL === "")
    throw new CannotStart("NATS_URL is not set: the pollers are asked over a NATS that both can reach");
  if (!(await natsAnswers(settings)))
    throw new CannotStart("the NATS at NATS_URL does not answer, or refuses the credentials given");
  const nats = await connectNats("explain", settings, pino({ level: "silent" }));
  try {
    const sources = await openSources(nats);
    const hosts = question.host === undefined ? await hostsIn(sources) : [question.host];
    const answers = await Promise.all(hosts.map((host) => askHost(sources, host, question.container)));
    return {
      found: answers.filter((answer) => typeof answer === "object"),
      blind: answers.filter((answer) => typeof answer === "string"),
    };
  } finally {
    await nats.close();
  }
}

interface Sources {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly hosts: KV;
  readonly held: KV;
}

async function openSources(nats: NatsConnection): Promise<Sources> {
  const kvm = new Kvm(nats);
  return {
    nats,
    manager: await jetstreamManager(nats, { checkAPI: false }),
    hosts: await kvm.open(BUCKETS.hosts),
    held: await kvm.open(BUCKETS.held),
  };
}

/** Names of the hosts that pollers claimed; none where no updater has made the buckets yet. */
async function hostsIn({ hosts }: Sources): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const key of await hosts.keys()) if (isToken(key)) names.push(untoken(key));
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === NO_SUCH_STREAM)) throw error;
  }
  return names.sort();
}

// nats-server, server/errors.json
const NO_SUCH_STREAM = 10059;

/** Undefined where the host has no such container; text where it could not be asked. */
async function askHost(
  sources: Sources,
  host: string,
  container: string,
): Promise<Explanation | string | undefined> {
  const status = await statusOf(sources.nats, host);
  if (typeof status === "string") return `${host}: ${status}`;
  const blind = whyBlind(status);
  if (blind !== undefined) return `${host}: ${blind}`;
  const seen = findSeen(status, container);
  if (seen === undefined) return undefined;
  return {
    host,
    ...seen,
    polled_at: status.last?.ended_at ?? "",
    held: await heldOf(sources, host, seen.container),
    last: await lastEndOf(sources, host, seen.container),
  };
}

const ANSWER_WITHIN_MS = 5000;

async function statusOf(nats: NatsConnection, host: string): Promise<Status | string> {
  try {
    const subject = subjects.command(host, "poller", "status");
    const answer = parseJson((await nats.request(subject, "", { timeout: ANSWER_WITHIN_MS })).string());
    const status = Status.safeParse(answer);
    if (status.success) return status.data;
    const told = (answer as { error?: string } | undefined)?.error;
    return `its poller's answer cannot be used${told === undefined ? "" : `: ${told}`}`;
  } catch (error) {
    const isSilence = [NoRespondersError, RequestError, TimeoutError].some((kind) => error instanceof kind);
    if (!isSilence) throw error;
    return "its poller does not answer";
  }
}

async function heldOf({ held }: Sources, host: string, container: string): Promise<HeldEntry | null> {
  const entry = await held.get(heldKey(host, container));
  return HeldEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data ?? null;
}

/** How many runs are looked at, from the newest back. */
const RUNS = 50;

async function lastEndOf({ manager }: Sources, host: string, container: string): Promise<LastEnd | null> {
  const all = subjects.run(host, "*");
  const info = await manager.streams.info(STREAMS.runs, { subjects_filter: all });
  const runs = Object.keys(info.state.subjects ?? {})
    .filter((subject) => subject !== subjects.open(host))
    .sort() // ids of runs are in the order of their making
    .slice(-RUNS);
  for (const subject of runs.reverse()) {
    const last = recordIn((await lastOn(manager, STREAMS.runs, subject))?.string());
    if (last?.kind === "finished" && !Object.hasOwn(last.ends, container)) continue;
    const ended = await endedIn(manager, subject, container);
    if (ended !== null) return ended;
  }
  return null;
}

async function endedIn(
  manager: JetStreamManager,
  subject: string,
  container: string,
): Promise<LastEnd | null> {
  for (let seq = 1; ;) {
    const message = await nextOn(manager, STREAMS.runs, subject, seq);
    if (message === undefined) return null;
    const record = recordIn(message.string());
    if (record?.kind === "ended" && record.container === container) {
      const { run, at, end, because } = record;
      return { run, at, end, because };
    }
    seq = message.seq + 1;
  }
}

const recordIn = (text = ""): RunRecord | undefined => RunRecord.safeParse(parseJson(text)).data;
