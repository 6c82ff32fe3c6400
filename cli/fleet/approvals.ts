// Reads what was said about digests, and which containers wait for it, over all hosts.
import {
  type DigestVerdict,
  type ImageDigest,
  imageDigestText,
  isInForce,
  readApproval,
} from "../../shared/contract/approvals.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { OPERATOR } from "../../shared/contract/participants.ts";
import { BUCKETS, approvalKey } from "../../shared/contract/subjects.ts";
import { entriesOf } from "../../shared/nats/bucket-entries.ts";
import type { ImageApprovals } from "../output/image-approvals.ts";
import { type SaidOfImage, describeApproval, saidOf } from "../output/said.ts";
import { type Fleet, isMissing } from "./fleet.ts";
import { listParticipants } from "./participant-entries.ts";

/** What counts at `now` (milliseconds since 1970), of all images or of one. */
export async function readSaid(fleet: Fleet, now: number, only?: ImageDigest): Promise<SaidOfImage[]> {
  const found: SaidOfImage[] = [];
  const filter = only === undefined ? ">" : approvalKey("*", only);
  try {
    for await (const [key, text] of entriesOf(fleet.manager, BUCKETS.approvals, filter)) {
      const [by = "", repository = "", digest = ""] = key;
      if (text === "") continue;
      const entry = readApproval(text, digest);
      if (isInForce(entry, { now }))
        found.push({ image: imageDigestText({ repository, digest }), verdict: describeApproval(by, entry) });
    }
  } catch (error) {
    if (!isMissing(error)) throw error; // of an earlier version
  }
  return found;
}

/** What was said of each image, and which containers wait for more. */
export async function listApprovals(fleet: Fleet, now: number): Promise<ImageApprovals[]> {
  const [said, waiting] = [await readSaid(fleet, now), await readWaiting(fleet)];
  const images = [...new Set([...waiting, ...said].map(({ image }) => image))];
  return images.map((image) => {
    const verdicts = saidOf(said, image);
    return {
      image,
      verdicts,
      waiting: waiting.flatMap(({ image: waited, ...rest }) =>
        waited === image && !isApproved(rest.by, verdicts) ? [rest] : [],
      ),
    };
  });
}

/** It is asked about anew at the next check. */
const isApproved = (awaited: string, verdicts: readonly DigestVerdict[]): boolean =>
  verdicts.some(({ by, verdict }) => verdict === "proceed" && (by === OPERATOR || by === awaited));

type WaitingContainer = ImageApprovals["waiting"][number] & { readonly image: string };

/** Containers whose new image is held because a participant that answers by digest has not approved it. */
async function readWaiting(fleet: Fleet): Promise<WaitingContainer[]> {
  const byDigest = (await listParticipants(fleet)).flatMap((participant) =>
    "by_digest" in participant && participant.by_digest === true
      ? [participant.group === undefined ? participant.name : `group ${participant.group}`]
      : [],
  );
  const found: WaitingContainer[] = [];
  for await (const [[host = "", container = ""], text] of entriesOf(fleet.manager, BUCKETS.held)) {
    const held = HeldEntry.safeParse(parseJson(text)).data;
    if (held?.image === undefined || held.end !== "deferred" || !byDigest.includes(held.by)) continue;
    const { image: repository, digest, by } = held;
    found.push({ image: imageDigestText({ repository, digest }), host, container, by });
  }
  return found;
}
