import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type StandingQuestion,
  newImagesIn,
  standingVerdicts,
} from "../../../../services/updater/gate/standing-verdicts.ts";
import { type StoredApproval, imageDigestText, readApproval } from "../../../../shared/contract/approvals.ts";
import type { VerdictWord } from "../../../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../../../shared/contract/participants.ts";
import { exampleEvent } from "../../../docs/example-event.ts";

const NOW = Date.UTC(2026, 5, 1);
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

const asked = (name: string, more: Partial<AskedParticipant> = {}): AskedParticipant => ({
  ...{ name, timeout_ms: 1000, max_ms: 3000, on_timeout: "proceed" },
  ...more,
});
const judge = asked("judge");
const release = asked("release", { by_digest: true });

/** What was recorded: who, of which image (the digit of its digest), what. */
type Recorded = readonly [by: string, digit: string, said: VerdictWord | StoredApproval];

function standing(
  question: Partial<StandingQuestion> & { readonly images?: Readonly<Record<string, string>> },
  recorded: readonly Recorded[],
): Record<string, string> {
  const { images = { web: "1" }, ...more } = question;
  const newImages = Object.entries(images).map(([container, digits]) => ({
    container,
    images: Array.from(digits, (digit) => ({ repository: "acme/shop", digest: digest(digit) })),
  }));
  const entries = new Map(
    recorded.map(([by, digit, said]) => [
      `${by} acme/shop@${digest(digit)}`,
      typeof said === "string" ? { verdict: said, digest: digest(digit) } : said,
    ]),
  );
  const found = standingVerdicts({
    ...{ hook: "before_update", newImages, asked: [judge, release], now: NOW },
    entryOf: (voter, image) => entries.get(`${voter} ${imageDigestText(image)}`),
    ...more,
  });
  return Object.fromEntries(
    [...found].map(([name, { verdict, containers }]) => [
      name,
      containers === undefined
        ? verdict
        : Object.entries(containers)
            .map(([container, answer]) => `${container} ${answer.verdict}`)
            .join(", "),
    ]),
  );
}

describe("what was recorded for a digest", () => {
  const run = { hook: "updates_enumerated", images: { web: "1", db: "2" } } as const;
  const cases: readonly [string, Parameters<typeof standing>[0], readonly Recorded[], object][] = [
    [
      "is the verdict of who recorded it",
      {},
      [["judge", "1", "refuse"]],
      { judge: "refuse", release: "defer" },
    ],
    ["is nothing of another digest", {}, [["judge", "2", "refuse"]], { release: "defer" }],
    ["is a defer of one that answers by digest and has recorded nothing", {}, [], { release: "defer" }],
    ["is that one's own", {}, [["release", "1", "proceed"]], { release: "proceed" }],
    ["by the operator is that one's", {}, [["operator", "1", "proceed"]], { release: "proceed" }],
    [
      "by the operator is not that of one that has recorded its own",
      {},
      [
        ["operator", "1", "proceed"],
        ["release", "1", "defer"],
      ],
      { release: "defer" },
    ],
    [
      "by the operator refuses whoever is asked",
      { asked: [] },
      [["operator", "1", "refuse"]],
      { operator: "refuse" },
    ],
    [
      "by the operator skips nobody who has to answer",
      { asked: [judge] },
      [["operator", "1", "proceed"]],
      {},
    ],
    [
      "is over after its time",
      {},
      [
        ["judge", "1", { verdict: "refuse", digest: digest("1"), until: new Date(NOW).toISOString() }],
        ["release", "1", { verdict: "proceed", digest: digest("1"), until: new Date(NOW + 1).toISOString() }],
      ],
      { release: "proceed" },
    ],
    [
      "counts at its hooks only",
      {},
      [["judge", "1", { verdict: "proceed", digest: digest("1"), hooks: ["updates_enumerated"] }]],
      { release: "defer" },
    ],
    [
      "and cannot be understood is a defer, the operator's too",
      {},
      [
        ["judge", "1", { unreadable: "it is no JSON" }],
        ["operator", "1", { unreadable: "it is no JSON" }],
      ],
      { judge: "defer", release: "defer", operator: "defer" },
    ],
    [
      "is the heaviest where the image has several",
      { images: { web: "12" } },
      [
        ["judge", "1", "proceed"],
        ["judge", "2", "refuse"],
      ],
      { judge: "refuse", release: "defer" },
    ],
    [
      "counts for a plan once all of it that its participant is asked about is recorded",
      run,
      [
        ["judge", "1", "proceed"],
        ["release", "2", "proceed"],
      ],
      { release: "web defer, db proceed" },
    ],
    [
      "counts for the containers that its participant is asked about",
      { ...run, asked: [asked("judge", { only: ["web"] })] },
      [["judge", "1", "refuse"]],
      { judge: "web refuse" },
    ],
    ["by the operator decides no whole plan", { ...run, asked: [judge] }, [["operator", "1", "refuse"]], {}],
    [
      "is nothing for an entry of a participant that cannot be understood",
      { asked: [asked("release", { by_digest: true, unreadable: "it is no JSON" })] },
      [],
      {},
    ],
  ];
  for (const [sentence, question, recorded, expected] of cases)
    it(sentence, () => assert.deepEqual(standing(question, recorded), expected));

  it("is nothing where a plan has nothing to update", () =>
    assert.deepEqual(standing({ hook: "updates_enumerated", images: {} }, []), {}));

  it("is a defer of one that answers by digest where no digest of the image is known", () =>
    assert.deepEqual(standing({ images: { web: "" } }, [["operator", "1", "proceed"]]), {
      release: "defer",
    }));
});

describe("the new image that an event is about", () => {
  const locals = (more: object): object => ({
    old_container: { name: "web", image: "acme/shop:1" },
    new_image: { digests: [`acme/shop@${digest("1")}`, `other/shop@${digest("2")}`] },
    ...more,
  });

  it("has the digests of the container's own repository", () =>
    assert.deepEqual(newImagesIn("before_update", "web", locals({})), [
      { container: "web", images: [{ repository: "acme/shop", digest: digest("1") }] },
    ]));

  it("is none at a hook after the update", () =>
    assert.deepEqual(newImagesIn("after_update", "web", locals({})), []));

  it("is each of a plan's", () => {
    const { data, subject } = exampleEvent("updates_enumerated");
    const found = newImagesIn("updates_enumerated", null, data);
    assert.equal(subject, "");
    assert.ok(found.length > 0 && found.every(({ images }) => images.length === 1));
  });
});

describe("an entry of the bucket of approvals", () => {
  const cases: readonly [string, string, boolean][] = [
    ["is a verdict that names its digest", `{"verdict":"proceed","digest":"${digest("1")}"}`, true],
    ["may say more", `{"verdict":"proceed","digest":"${digest("1")}","more":1}`, true],
    ["is none of another digest", `{"verdict":"proceed","digest":"${digest("2")}"}`, false],
    ["is no verdict alone", "proceed", false],
    [
      "is none with a time that cannot be read",
      `{"verdict":"proceed","digest":"${digest("1")}","until":"soon"}`,
      false,
    ],
    [
      "is none with hooks that are not known",
      `{"verdict":"proceed","digest":"${digest("1")}","hooks":["x"]}`,
      false,
    ],
  ];
  for (const [sentence, text, isRead] of cases)
    it(sentence, () => assert.equal(!("unreadable" in readApproval(text, digest("1"))), isRead));
});
