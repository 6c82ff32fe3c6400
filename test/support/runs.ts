// Runs seen from outside: asked for, followed to their end, and what is held or left alone after them.
import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { OperatorRequestResult } from "../../cli/output/output-schemas.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import type { UpdateResult, RunRecord } from "../../shared/contract/run-records.ts";
import { BUCKETS, STREAMS, heldKey, subjects } from "../../shared/contract/subjects.ts";
import { runOperatorCommand } from "./run-operator-command.ts";
import type { Stack } from "./stack.ts";
import { until } from "./until.ts";

interface Report {
  readonly outcome: { readonly kind: string; readonly run?: string };
  readonly left: readonly { readonly container: string; readonly because: string }[];
}

/** Asks for cycles until one publishes a plan; resolves with the id of its run. */
export async function requestPlan(stack: Stack): Promise<string> {
  let last: unknown;
  return until(
    "a plan is published",
    async () => {
      const report = (last = await stack.check()) as unknown as Report;
      return report.outcome.run;
    },
    { explain: () => JSON.stringify(last) },
  );
}

/** How the containers of a run ended, once it is finished; read from the journal. */
export async function awaitResults(
  stack: Stack,
  run: string,
  within?: number,
): Promise<Record<string, UpdateResult>> {
  const manager = await jetstreamManager(stack.nats, { checkAPI: false });
  const subject = subjects.run(stack.host, run);
  return until(
    `run ${run} is finished`,
    async () => {
      const seen = stack.records.find((record) => record.kind === "finished" && record.run === run);
      const last = await getLastMessage(manager, STREAMS.runs, subject).catch(() => undefined);
      const record = seen ?? last?.json<RunRecord>(); // a late verdict may be recorded after it
      return record?.kind === "finished" ? record.ends : undefined;
    },
    {
      within,
      explain: () =>
        Object.values(stack.services)
          .map((one) => one.log())
          .join("\n"),
    },
  );
}

/** One plan from the question to the last record. */
export const update = async (stack: Stack): Promise<Record<string, UpdateResult>> =>
  awaitResults(stack, await requestPlan(stack));

/** Sends an operator request until the updater is idle: the run before may not quite be over. Resolves with the answer. */
export const requestAsOperator = (
  { access }: Stack,
  kind: "update" | "rollback",
  container: string,
): Promise<OperatorRequestResult> =>
  until(`${kind} is answered`, async () => {
    const { out, err } = await runOperatorCommand(access, [kind, container, "-o", "json"]);
    assert.equal(err, "");
    const answer = OperatorRequestResult.parse(JSON.parse(out));
    return answer.kind === "busy" ? undefined : answer;
  });

/** How the containers of the run end that the operator asks for. Fails where none begins. */
export async function runAsOperator(
  stack: Stack,
  kind: "update" | "rollback",
  container: string,
): Promise<Record<string, UpdateResult>> {
  const { run = "", because } = await requestAsOperator(stack, kind, container);
  assert.notEqual(run, "", because);
  return awaitResults(stack, run);
}

/** Why containers are left alone now, by name. Fails if a plan is published instead. */
export async function skippedContainers(stack: Stack): Promise<Record<string, string>> {
  return until("the updater is idle", async () => {
    const { outcome, left } = (await stack.check()) as unknown as Report;
    if (outcome.kind === "waiting") return undefined;
    if (outcome.kind !== "nothing due") throw new Error(`a plan was published: ${JSON.stringify(outcome)}`);
    return Object.fromEntries(left.map(({ container, because }) => [container, because]));
  });
}

/** What is held for a container. */
export async function readHold({ nats, host }: Stack, container: string): Promise<HeldEntry | undefined> {
  const entry = await (await new Kvm(nats).open(BUCKETS.held)).get(heldKey(host, container));
  return entry?.operation === "PUT" ? HeldEntry.parse(entry.json()) : undefined;
}
