// `ouroboros host forget`: deletes what the buckets and consumers hold for a host that is gone for good. The host's
// entry is deleted last, so that an interrupted command can be repeated.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { natsErrors } from "../../shared/catalogue/nats-errors.ts";
import { executorNoticesConsumer, hostConsumers } from "../../shared/nats/durable-consumers.ts";
import { BUCKETS, STREAMS, consumers, executorParticipant } from "../../shared/contract/subjects.ts";
import { isToken, encodeToken, decodeToken } from "../../shared/contract/subject-tokens.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { bucketOf } from "../../shared/nats/jetstream-client.ts";
import { isHub } from "../../shared/nats/topology.ts";

import { listParticipants } from "../fleet/participant-entries.ts";
import { type Fleet, falseWhereMissing, selectHosts, listKeys, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { sanitize, printJson } from "../framework/terminal.ts";

interface ForgottenHost {
  readonly forgotten: string;
  readonly entry: boolean;
  readonly held: readonly string[];
  readonly consumers: readonly string[];
  /** How many entries of the ledger. */
  readonly ledger: number;
  readonly participants: readonly string[];
}

export const runForget: CommandRunner<"host forget"> = async ({ NAME, force, json }, terminal) => {
  const done = await withFleet(terminal, async (fleet) => {
    if (await isHub(fleet.manager))
      throw new NotDone(messageOf(natsErrors.hubHasCopies, { url: fleet.url, host: NAME }));
    await selectHosts(fleet, NAME);
    const alive = await findRunningServices(fleet, NAME);
    if (alive.length > 0 && !force)
      throw new NotDone(
        messageOf(commandErrors.hostAlive, {
          host: NAME,
          services: `${alive.join(" and ")} ${alive.length === 1 ? "answers" : "answer"}`,
        }),
      );
    return forgetHost(fleet, NAME);
  });
  if (json) printJson(terminal, done);
  else
    terminal.stdout.write(
      describeForgotten(done)
        .map((line) => `${sanitize(line)}\n`)
        .join(""),
    );
  return 0;
};

/** A hook-executor answers no commands; it runs if somebody pulls from its consumer. */
async function findRunningServices(fleet: Fleet, host: string): Promise<string[]> {
  const { manager } = fleet;
  const [poller, updater, executor] = await Promise.all([
    askService(fleet, host, ["poller", "status"]),
    askService(fleet, host, ["updater", "status"]),
    manager.consumers
      .info(STREAMS.hooks, consumers.gate(executorParticipant(host)))
      .then(({ num_waiting }) => num_waiting > 0)
      .catch(falseWhereMissing),
  ]);
  return [
    ...(poller === undefined ? [] : ["poller"]),
    ...(updater === undefined ? [] : ["updater"]),
    ...(executor ? ["hook-executor"] : []),
  ];
}

async function forgetHost(fleet: Fleet, host: string): Promise<ForgottenHost> {
  const { hosts, held, manager, nats } = fleet;
  const durables = [...hostConsumers(host), executorNoticesConsumer(host)].map(
    ({ durable_name }) => durable_name,
  );
  const deleted = await Promise.all(
    durables.map((name) => manager.consumers.delete(STREAMS.hooks, name).catch(falseWhereMissing)),
  );
  const keys = await listKeys(held, `${encodeToken(host)}.*`);
  for (const key of keys) await held.delete(key);
  const ledger = await bucketOf(nats, BUCKETS.ledger);
  // an older installation has none
  const seen = (await listKeys(ledger, `${encodeToken(host)}.>`).catch(falseWhereMissing)) || [];
  await inParallel(seen, { all: 16 }, (key) => ledger.delete(key));
  const entry = (await hosts.get(encodeToken(host)))?.operation === "PUT";
  // even without an entry: the deletion marks older records of an updater as forgotten
  await hosts.delete(encodeToken(host));
  const naming = (await listParticipants(fleet)).filter(
    (participant) => "hosts" in participant && participant.hosts.includes(host),
  );
  return {
    forgotten: host,
    entry,
    held: keys
      .map((key) => key.split(".")[1] ?? "")
      .map((name) => (isToken(name) ? decodeToken(name) : name)),
    consumers: durables.filter((_, index) => deleted[index]),
    ledger: seen.length,
    participants: naming.map(({ name }) => name),
  };
}

function describeForgotten({
  forgotten,
  entry,
  held,
  consumers: durables,
  ledger,
  participants,
}: ForgottenHost): string[] {
  const parts = [
    ...(entry ? ["its entry"] : []),
    ...(held.length === 0 ? [] : [`what was held for ${held.join(", ")}`]),
    ...(durables.length === 0
      ? []
      : [`${durables.length === 1 ? "consumer" : "consumers"} ${durables.join(", ")}`]),
    ...(ledger === 0 ? [] : [`what it saw of ${ledger} ${ledger === 1 ? "image" : "images"}`]),
  ];
  return [
    `${forgotten} forgotten; deleted: ${parts.length === 0 ? "nothing, an updater's note of it is left to age" : parts.join("; ")}`,
    ...participants.map(
      (name) =>
        `The participant ${name} still names it: \`ouroboros participant set ${name} --hosts ...\` changes that.`,
    ),
  ];
}
