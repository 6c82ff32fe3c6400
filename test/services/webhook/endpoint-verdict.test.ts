import assert from "node:assert/strict";
import type { Verdict } from "../../../shared/contract/messages.ts";
import { type WebhookAnswer, verdictFrom } from "../../../services/webhook/endpoint-verdict.ts";

const NOW = Date.parse("2026-03-01T04:00:00Z");
const cases: readonly [string, Partial<WebhookAnswer>, Verdict | undefined][] = [
  ["200 proceeds", { status: 200 }, { verdict: "proceed" }],
  ["204 proceeds", { status: 204 }, { verdict: "proceed" }],
  ["200 with blanks proceeds", { status: 200, body: " \n" }, { verdict: "proceed" }],
  ["200 with the word proceeds", { status: 200, body: "proceed\n" }, { verdict: "proceed" }],
  ["201 without a body decides nothing", { status: 201 }, undefined],
  ["202 without a body decides nothing", { status: 202 }, undefined],
  ...[
    ...[
      "REFUSE",
      "Refuse: freeze",
      "deny",
      "denied",
      "no",
      "ok",
      "OK",
      "Proceed",
      "proceed!",
      "false",
      "null",
      "[]",
    ],
    ...[
      '"refuse"',
      '["refuse"]',
      "0",
      "{}",
      "<html><title>Log in</title></html>",
      "\u0000",
      "\uFEFFproceed?",
    ],
    ...['{"Verdict":"refuse"}', '{"VERDICT":"REFUSE"}', '{"verdict":"REFUSE"}', '{"verdict":["refuse"]}'],
    ...[
      '{"verdict":null}',
      '{"approved":false}',
      '{"ok":true}',
      '{"decision":"deny"}',
      '{"data":{"verdict":"refuse"}}',
    ],
    ...['{"verdict":"proceed","approved":false}', '{"verdict":"proceed","reason":7}'],
    ...['{"verdict":"proceed","retry_after_s":"5"}', '{"verdict":"proceed","containers":["db"]}'],
    ...[
      '{"verdict":"proceed","containers":{"db":"no"}}',
      '{"verdict":"proceed","Containers":{"db":"refuse"}}',
    ],
    '{"verdict":"proceed","containers":{"db":{"verdict":"proceed","but":1}}}',
  ].map((body): [string, Partial<WebhookAnswer>, undefined] => [
    `200 with ${body} is an error`,
    { status: 200, body },
    undefined,
  ]),
  [
    "200 with a verdict is that verdict",
    { status: 200, body: '{"verdict":"refuse","reason":"freeze","more":{"x":1}}' },
    { verdict: "refuse", reason: "freeze" },
  ],
  [
    "200 with a verdict in plain text too",
    { status: 200, body: "defer: not yet\n" },
    { verdict: "defer", reason: "not yet" },
  ],
  [
    "200 may speak of single containers",
    { status: 200, body: '{"verdict":"proceed","containers":{"db":"refuse"}}' },
    { verdict: "proceed", containers: { db: { verdict: "refuse" } } },
  ],
  [
    "200 with what should be a verdict and is none is no answer",
    { status: 200, body: '{"verdict":"no"}' },
    undefined,
  ],
  ["200 with half a verdict is no answer", { status: 200, body: '{"verdict":"refuse"' }, undefined],
  [
    "a no with fields that nobody knows is a no",
    { status: 200, body: '{"verdict":"defer","until":"monday"}' },
    { verdict: "defer" },
  ],
  ["200 with too long a body is no answer", { status: 200, body: "x", cut: true }, undefined],
  ["409 refuses with its body", { status: 409, body: " freeze\n" }, { verdict: "refuse", reason: "freeze" }],
  ["409 without a body refuses", { status: 409 }, { verdict: "refuse", reason: "it answered 409" }],
  [
    "409 with a long body refuses with its beginning",
    { status: 409, body: "x".repeat(60_000), cut: true },
    { verdict: "refuse", reason: "x".repeat(8000) },
  ],
  ["425 defers", { status: 425 }, { verdict: "defer", reason: "it answered 425" }],
  [
    "503 defers for so many seconds",
    { status: 503, retryAfter: "120", body: "busy" },
    { verdict: "defer", reason: "busy", retry_after_s: 120 },
  ],
  [
    "503 defers until a date",
    { status: 503, retryAfter: "Sun, 01 Mar 2026 04:10:00 GMT" },
    { verdict: "defer", reason: "it answered 503", retry_after_s: 600 },
  ],
  [
    "a date that has passed defers without one",
    { status: 503, retryAfter: "Sun, 01 Mar 2026 03:00:00 GMT" },
    { verdict: "defer", reason: "it answered 503" },
  ],
  [
    "429 with Retry-After defers",
    { status: 429, retryAfter: "7" },
    { verdict: "defer", reason: "it answered 429", retry_after_s: 7 },
  ],
  [
    "a wait of many years is a year",
    { status: 503, retryAfter: "99999999999" },
    { verdict: "defer", reason: "it answered 503", retry_after_s: 31_536_000 },
  ],
  ["503 without Retry-After is no answer", { status: 503 }, undefined],
  ["503 with a Retry-After nobody can read is no answer", { status: 503, retryAfter: "soon" }, undefined],
  ...[301, 302, 307, 400, 401, 403, 404, 410, 415, 422, 429, 500, 502, 504].map(
    (status): [string, Partial<WebhookAnswer>, undefined] => [
      `${status} is no answer`,
      { status, body: "proceed" },
      undefined,
    ],
  ),
];

describe("the answer of an endpoint", () => {
  for (const [sentence, answered, verdict] of cases)
    it(sentence, () => {
      const whole = { status: 0, body: "", retryAfter: undefined, cut: false, ...answered };
      const said = verdictFrom(whole, NOW);
      assert.deepEqual(typeof said === "string" ? undefined : said, verdict);
    });

  it("that is none says why, and what is allowed", () => {
    const said = (answered: Partial<WebhookAnswer>): string =>
      JSON.stringify(
        verdictFrom({ status: 200, body: "", retryAfter: undefined, cut: false, ...answered }, NOW),
      );
    assert.match(said({ body: "deny" }), /answered 200 .* allowed are no body and {\\"verdict/);
    assert.match(said({ body: '{"verdict":"proceed","approved":false}' }), /does not have: approved/);
    assert.match(said({ status: 202 }), /202, which decides nothing/);
  });
});
