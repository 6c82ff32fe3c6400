// `ouroboros approve` and `ouroboros refuse`: say something about a digest once, for all hosts. Saying needs no right but
// to write the entry, so that a participant can do it with its own key.
import { iso } from "../../shared/clock.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { natsErrors } from "../../shared/catalogue/nats-errors.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { NotDone, WrongUsage, explain } from "../../shared/errors.ts";
import { type Approval, type ImageDigest, imageDigestText } from "../../shared/contract/approvals.ts";
import type { VerdictWord } from "../../shared/contract/messages.ts";
import { OPERATOR } from "../../shared/contract/participants.ts";
import { BUCKETS, approvalKey } from "../../shared/contract/subjects.ts";
import { bucketOf } from "../../shared/nats/jetstream-client.ts";
import { listApprovals } from "../fleet/approvals.ts";
import { type Fleet, openFleet, withFleet, withNats } from "../fleet/fleet.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, printJson, printTable, sanitize } from "../framework/terminal.ts";
import type { ImageApprovals } from "../output/image-approvals.ts";
import { describeApproval, saidText } from "../output/said.ts";
import { rejectLeafNode } from "./participant.ts";

interface Said {
  readonly as?: string | undefined;
  readonly reason?: string | undefined;
  readonly until?: ((now: number) => number) | undefined;
  readonly json: boolean;
}

export const runApprove: CommandRunner<"approve"> = async (
  { IMAGE: image, withdraw, ...given },
  terminal,
) => {
  if (image !== undefined)
    return withdraw ? withdrawSaid(image, given, terminal) : say("proceed", image, given, terminal);
  if (withdraw || given.as !== undefined || given.reason !== undefined || given.until !== undefined)
    throw new WrongUsage(messageOf(usageErrors.approveWhat));
  const now = terminal.clock.now();
  const all = await withFleet(terminal, (fleet) => listApprovals(fleet, now));
  if (given.json) printJson(terminal, all);
  else if (all.length === 0) terminal.stdout.write("Nothing waits for an approval, and nothing was said.\n");
  else
    printTable(
      terminal,
      ["IMAGE", "WAITING", "SAID"],
      all.map(({ image: name, waiting, verdicts }) => [name, waitingText(waiting), saidText(verdicts)]),
    );
  return 0;
};

export const runRefuse: CommandRunner<"refuse"> = async ({ IMAGE, ...given }, terminal) =>
  say("refuse", IMAGE, given, terminal);

function waitingText(waiting: ImageApprovals["waiting"]): string {
  const [first, ...others] = waiting;
  if (first === undefined) return "";
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${first.container} on ${first.host}${more}, for ${first.by}`;
}

async function say(
  verdict: VerdictWord,
  image: ImageDigest,
  { as = OPERATOR, reason, until, json }: Said,
  terminal: Terminal,
): Promise<number> {
  const approval: Approval = {
    ...{ verdict, digest: image.digest },
    ...(reason !== undefined && { reason }),
    ...(until !== undefined && { until: iso(until(terminal.clock.now())) }),
  };
  await withApprovals(terminal, async (fleet) => {
    const bucket = await bucketOf(fleet.nats, BUCKETS.approvals);
    await bucket.put(approvalKey(as, image), JSON.stringify(approval));
  });
  const said = { image: imageDigestText(image), verdicts: [describeApproval(as, approval)], waiting: [] };
  if (json) printJson(terminal, [said]);
  else terminal.stdout.write(`${sanitize(`${said.image}: ${saidText(said.verdicts)}`)}\n`);
  return 0;
}

async function withdrawSaid(
  image: ImageDigest,
  { as = OPERATOR, json }: Said,
  terminal: Terminal,
): Promise<number> {
  await withApprovals(terminal, async (fleet) => {
    await (await bucketOf(fleet.nats, BUCKETS.approvals)).delete(approvalKey(as, image));
  });
  const text = imageDigestText(image);
  if (json) printJson(terminal, [{ image: text, verdicts: [], waiting: [] }]);
  else terminal.stdout.write(`${sanitize(`${text}: what ${as} had said is withdrawn`)}\n`);
  return 0;
}

/** @throws NotDone on a leaf node, whose approvals are a copy of its hub's. */
const withApprovals = (terminal: Terminal, work: (fleet: Fleet) => Promise<void>): Promise<void> =>
  withNats(terminal, async (nats, settings) => {
    const fleet = await openFleet(nats, settings);
    await rejectLeafNode(fleet);
    await work(fleet).catch((error: unknown) => {
      throw new NotDone(messageOf(natsErrors.approvalNotStored, { because: explain(error) }), {
        cause: error,
      });
    });
  });
