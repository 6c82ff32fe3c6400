// Puts a service back to the image before its update. The Engine does it, to the previous spec; where somebody changed
// the service after the update, that change stays, and only the image goes back.
import { isEngineUnreachable } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { isSwarmAway } from "../../../shared/swarm/read-services.ts";
import {
  type ServiceDocument,
  digestOfImage,
  imageOfService,
} from "../../../shared/swarm/service-document.ts";
import type { Run, UpdateEntry } from "../updater.ts";
import { awaitService, expectInCharge } from "./apply-update.ts";
import { type RevertEnd, awaitRevert } from "./await-update.ts";
import type { SentUpdate } from "./judge-update.ts";
import { prepareChange, sendRollback, sendUpdate } from "./service-engine.ts";

export interface RevertReason {
  readonly because: string;
  readonly by: string;
}

/** The reason that this process, or an earlier one, recorded before the way back began. */
export const findReverting = ({ journal }: Pick<Run, "journal">, name: string): RevertReason | undefined =>
  journal.recordsOf("reverting").find(({ container }) => container === name);

/** Records the reason first, so that no process loses it. */
export async function recordReverting(run: Run, name: string, reason: RevertReason): Promise<RevertReason> {
  const before = findReverting(run, name);
  if (before !== undefined) return before;
  await run.journal.write({ kind: "reverting", container: name, ...reason });
  return reason;
}

const MAX_TRIES = 10;
const RETRY_MS = 1000;

/** Resolves when the service is as before, or cannot be. @throws Suspended, Fenced, Expired */
export async function revertUpdate(
  run: Run,
  entry: UpdateEntry,
  sent: SentUpdate,
): Promise<Exclude<RevertEnd, { kind: "to send" }>> {
  const { id } = entry.facts;
  for (let tries = 1; ; tries += 1) {
    const end = await awaitRevert(run, id, sent);
    if (end.kind !== "to send") return end;
    const service = await awaitService(run, id);
    const send = service && (await prepareSendBack(run, entry, service, sent));
    if (send === undefined) continue; // gone, or somebody else was faster, as the next look says
    await expectInCharge(run);
    const error = await send().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error === undefined) continue;
    const isPassing = isEngineUnreachable(error) || isSwarmAway(error); // also the conflict of versions
    if (!isPassing || tries >= MAX_TRIES) return { kind: "stuck", because: explain(error) };
    await run.bus.clock.sleep(RETRY_MS, run.bus.signal);
  }
}

/** Undefined where the new image is not there any more. */
async function prepareSendBack(
  { bus }: Run,
  { ref, reference }: UpdateEntry,
  service: ServiceDocument,
  { from, to }: SentUpdate,
): Promise<(() => Promise<void>) | undefined> {
  const { engine } = bus.host;
  const [now, previous] = [service.Spec, service.PreviousSpec].map((spec) =>
    spec ? digestOfImage(imageOfService(spec)) : undefined,
  );
  if (now !== to) return undefined;
  if (previous === from) return () => sendRollback(engine, service);
  const change = await prepareChange(bus, parseImageRef(reference) ?? ref, from);
  return () => sendUpdate(engine, service, change);
}
