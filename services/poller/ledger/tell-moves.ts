// Publishes a notice when a tag has moved, as this host's ledger sees it. Its id is made of the move, so a poller that was killed
// before it stored the ledger tells it again under the same id, and the stream holds it once. Nothing waits for it.
import { createHash } from "node:crypto";
import { iso } from "../../../shared/clock.ts";
import { makeNotice } from "../../../shared/contract/messages.ts";
import { eventId, subjects } from "../../../shared/contract/subjects.ts";
import { explain } from "../../../shared/errors.ts";
import { publishOnce } from "../../../shared/nats/jetstream.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import type { Candidate } from "../plan/plan.ts";
import type { Polling } from "../polling.ts";
import { modeOf } from "../plan/publish-plan.ts";
import type { MovedTag } from "./ledger.ts";

const NOTICE = "tag_moved";
/** An earlier version's `nats-config` does not let the poller publish it. */
const PUBLISH_MS = 30_000;

export function tellMoves(
  polling: Polling,
  moves: readonly MovedTag[],
  candidates: readonly Candidate[],
): void {
  for (const move of moves) {
    const names = candidates.flatMap(({ facts, ref }) => (ref.familiar === move.image ? [facts.name] : []));
    void tellMove(polling, move, names.sort());
  }
}

async function tellMove(polling: Polling, move: MovedTag, names: readonly string[]): Promise<void> {
  const { host, settings, js, clock, signal, log } = polling;
  const { image, platform, from, to, at } = move;
  const run = moveId(host.name, move);
  const id = eventId(run, NOTICE, null);
  const reason = `${image} has moved from ${shortDigest(from.digest)} to ${shortDigest(to)}`;
  const body = makeNotice({
    ...{ id, notice: NOTICE, service: "poller", container: null, time: iso(at) },
    context: { host: host.name, engine_id: host.engine.id, run, mode: modeOf(settings), reason },
    data: {
      ...{ image, platform, from_digest: from.digest, to_digest: to },
      ...{ from_since: from.from, from_until: from.to },
      containers: names.map((name) => ({ name })),
    },
  });
  const subject = subjects.hook({ host: host.name, hook: NOTICE, container: null, event: id });
  try {
    const via = { js, clock, signal: clock.deadline(PUBLISH_MS, signal) };
    await publishOnce(via, { subject, body, contentType: "application/cloudevents+json" });
    log.debug({ image, from: from.digest, to }, "tag has moved");
  } catch (error) {
    log.info({ image, because: explain(error) }, "that a tag has moved could not be published");
  }
}

const moveId = (host: string, { image, platform, from, to }: MovedTag): string =>
  createHash("sha256")
    .update(JSON.stringify([host, image, platform, from.digest, from.from, to]))
    .digest("hex")
    .slice(0, 26);
