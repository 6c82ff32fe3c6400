// `ouroboros participant`: the operator's list of who must be asked. A participant is a consumer on the hook stream
// and an entry in a bucket; the consumer comes first and goes last, so that nobody is waited for who cannot hear.
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import { pino } from "pino";
import { CannotStart } from "../../shared/errors.ts";
import { parseJson } from "../../shared/messages.ts";
import { type NatsSettings, connectNats, natsAnswers } from "../../shared/nats.ts";
import { Participant } from "../../shared/participants.ts";
import { readSettings } from "../../shared/read-settings.ts";
import { BUCKETS, STREAMS, consumers, subjects } from "../../shared/subjects.ts";
import { ensureConsumer, ensureTopology, hookConsumer } from "../../shared/topology.ts";
import { type Command, type Named, USAGE, WrongUsage, parseCommand } from "./participant-command.ts";
import { asTable } from "./participant-table.ts";

interface Process {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
}
interface Output {
  readonly write: (text: string) => unknown;
}

/** Resolves with the exit code: 0; 1 where it could not be done; 2 where the command makes no sense. */
export async function participant(
  args: readonly string[],
  { env, stdout, stderr }: Process,
): Promise<number> {
  try {
    const command = parseCommand(args);
    if (command === "help") stdout.write(USAGE);
    else stdout.write(await carryOut(command, natsSettingsFrom(env)));
    return 0;
  } catch (error) {
    if (!(error instanceof WrongUsage || error instanceof CannotStart)) throw error;
    stderr.write(`ouroboros participant: ${error.message}\n`);
    return error instanceof WrongUsage ? 2 : 1;
  }
}

function natsSettingsFrom(env: NodeJS.ProcessEnv): NatsSettings {
  const settings = readSettings(env, new Map());
  if (settings.NATS_URL === "")
    throw new CannotStart(
      "NATS_URL is not set: participants and services meet on a NATS that both can reach",
    );
  return settings;
}

/** Gives what is to be printed. */
async function carryOut(command: Command, settings: NatsSettings): Promise<string> {
  if (!(await natsAnswers(settings)))
    throw new CannotStart("the NATS at NATS_URL does not answer, or refuses the credentials given");
  const nats = await connectNats("participant", settings, pino({ level: "silent" }));
  try {
    return await act(command, await openRegister(nats));
  } finally {
    await nats.close();
  }
}

interface Register {
  readonly manager: JetStreamManager;
  readonly entries: KV;
}

/** Streams and bucket are made where the updater has not yet. */
async function openRegister(nats: NatsConnection): Promise<Register> {
  const manager = await jetstreamManager(nats, { checkAPI: false });
  await ensureTopology(nats, manager);
  return { manager, entries: await new Kvm(nats).open(BUCKETS.participants) };
}

async function act(command: Command, register: Register): Promise<string> {
  switch (command.do) {
    case "add":
      await add(register, command.participant);
      return command.json ? json(command.participant) : `${command.participant.name} added\n`;
    case "remove":
      await remove(register, command.name);
      return command.json ? json({ removed: command.name }) : `${command.name} removed\n`;
    case "list": {
      const all = await list(register);
      return command.json ? json(all) : asTable(all);
    }
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** @throws CannotStart where the name is taken. */
async function add({ manager, entries }: Register, { name, ...participant }: Named): Promise<void> {
  if (await isThere(entries, name)) throw taken(name);
  const filters = participant.hooks.flatMap((hook) =>
    participant.hosts.map((host) => subjects.hooksOf(host === "*" ? null : host, hook)),
  );
  const consumer = hookConsumer(consumers.gate(name), filters, { max_ack_pending: 16 });
  await ensureConsumer(manager, STREAMS.hooks, consumer);
  await entries.create(name, JSON.stringify(participant)).catch((error: unknown) => {
    throw error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE ? taken(name) : error;
  });
}

/** @throws CannotStart where there is none of that name. */
async function remove({ manager, entries }: Register, name: string): Promise<void> {
  if (!(await isThere(entries, name))) throw new CannotStart(`there is no participant ${name}`);
  await entries.delete(name);
  await manager.consumers.delete(STREAMS.hooks, consumers.gate(name)).catch((error: unknown) => {
    if (!(error instanceof JetStreamApiError && error.code === NO_SUCH_CONSUMER)) throw error;
  });
}

async function list({ entries }: Register): Promise<Named[]> {
  const names: string[] = [];
  for await (const name of await entries.keys()) names.push(name);
  const found: Named[] = [];
  for (const name of names.sort()) {
    const entry = await entries.get(name);
    if (entry?.operation === "PUT") found.push({ name, ...Participant.parse(parseJson(entry.string())) });
  }
  return found;
}

// nats-server, server/errors.json
const WRONG_LAST_SEQUENCE = 10071;
const NO_SUCH_CONSUMER = 10014;

const isThere = async (entries: KV, name: string): Promise<boolean> =>
  (await entries.get(name))?.operation === "PUT";

const taken = (name: string): CannotStart =>
  new CannotStart(`the name ${name} is taken; \`ouroboros participant remove ${name}\` frees it`);
