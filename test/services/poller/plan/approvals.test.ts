import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type RecordedApproval,
  type StoredHold,
  isLifted,
  whyRefused,
} from "../../../../services/poller/plan/approvals.ts";
import type { Approval } from "../../../../shared/contract/approvals.ts";
import type { HeldEntry } from "../../../../shared/contract/held-entry.ts";
import { reasonOf } from "../../../../shared/catalogue/entry.ts";
import { skipReasons } from "../../../../shared/catalogue/skip-reasons.ts";

const NOW = Date.UTC(2026, 5, 1);
const image = { repository: "acme/shop", digest: `sha256:${"1".repeat(64)}` };
const recorded = (
  by: string,
  verdict: Approval["verdict"],
  more: Partial<Approval> = {},
  at = NOW - 1000,
): RecordedApproval => ({ by, at, entry: { verdict, digest: image.digest, ...more } });

describe("a digest", () => {
  const refused = reasonOf(skipReasons.refusedDigest, {
    image: `acme/shop@${image.digest}`,
    because: "it loses orders",
  });
  const cases: readonly [string, readonly RecordedApproval[], string | undefined][] = [
    ["that nobody has said anything about is taken", [], undefined],
    [
      "that the operator has refused is not",
      [recorded("operator", "refuse", { reason: "it loses orders" })],
      refused,
    ],
    ["that the operator has approved is", [recorded("operator", "proceed")], undefined],
    [
      "is taken when the time of the refusal is over",
      [recorded("operator", "refuse", { until: new Date(NOW).toISOString() })],
      undefined,
    ],
    ["that a participant has refused is asked about", [recorded("judge", "refuse")], undefined],
    [
      "about which the operator's entry cannot be understood is not taken",
      [{ by: "operator", at: NOW, entry: { unreadable: "it is no JSON" } }],
      reasonOf(skipReasons.approvalUnreadable, {
        image: `acme/shop@${image.digest}`,
        because: "it is no JSON",
      }),
    ],
  ];
  for (const [sentence, all, because] of cases)
    it(sentence, () => assert.equal(whyRefused(image, all, NOW), because));
});

describe("a hold", () => {
  const hold = (more: Partial<HeldEntry>): StoredHold => ({
    held: {
      ...{ digest: image.digest, because: "", by: "release", until: NOW + 1000, end: "deferred", tries: 1 },
      ...more,
    },
    at: NOW - 2000,
  });
  const deferred = hold({});
  const cases: readonly [string, StoredHold, RecordedApproval, boolean][] = [
    ["ends with the approval of who put off", deferred, recorded("release", "proceed"), true],
    ["ends with the operator's", deferred, recorded("operator", "proceed"), true],
    ["stays with that of another", deferred, recorded("judge", "proceed"), false],
    ["of a group ends with that of a member", hold({ by: "group ops" }), recorded("judge", "proceed"), true],
    ["stays where the approval is older", deferred, recorded("release", "proceed", {}, NOW - 3000), false],
    ["stays with a refusal", deferred, recorded("release", "refuse"), false],
    [
      "stays where the approval's time is over",
      deferred,
      recorded("release", "proceed", { until: new Date(NOW).toISOString() }),
      false,
    ],
    [
      "of what was refused ends with the approval of who refused",
      hold({ end: "refused", until: null }),
      recorded("release", "proceed"),
      true,
    ],
    [
      "of what was rolled back stays",
      hold({ end: "rolled_back", until: null }),
      recorded("operator", "proceed"),
      false,
    ],
    ["of an earlier version stays", hold({ end: undefined }), recorded("operator", "proceed"), false],
  ];
  for (const [sentence, held, approval, expected] of cases)
    it(sentence, () => assert.equal(isLifted(held, [approval], NOW), expected));
});
