// The parts of the page that need no browser: the words, and the chart of a run.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, it } from "mocha";
import { type Refusal, refusal, refusals } from "../../../services/dashboard/refusals.ts";
import { endKinds } from "../../../shared/contract/update-end.ts";

const PAGE = join(import.meta.dirname, "../../../../services/dashboard/page");
const importPage = async (file: string): Promise<Record<string, unknown>> =>
  (await import(pathToFileURL(join(PAGE, file)).href)) as Record<string, unknown>;

interface Span {
  readonly kind: string;
  readonly label: string;
  readonly detail: string;
  readonly from: number;
  readonly to: number;
  readonly open?: boolean;
}
interface Chart {
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly {
    readonly container: string | null;
    readonly end?: string;
    readonly spans: readonly Span[];
  }[];
}

describe("the words of the dashboard", () => {
  it("are there in every language, with the same values in them", async () => {
    const { languages } = (await importPage("texts.mjs")) as {
      languages: Record<string, Record<string, string>>;
    };
    const { en = {}, es = {} } = languages;
    assert.deepEqual(Object.keys(es), Object.keys(en));
    const values = (text = ""): string[] => [...text.matchAll(/\{\w+\}/g)].map(([one]) => one).sort();
    for (const [key, text] of Object.entries(en)) assert.deepEqual(values(es[key]), values(text), key);
    const same = Object.keys(en).filter((key) => es[key] === en[key]);
    assert.deepEqual(same, [
      "hosts",
      "token",
      "signedInAs",
      "decideTitle",
      "line_decided",
      "line_did",
      "line_ended",
      "host",
      "result",
      "versions",
      "digest",
      "digests",
      "dayBar",
    ]);
  });
  it("say in Spanish what the service refuses, with the same values, and leave what it does not name", async () => {
    const page = (await importPage("texts.mjs")) as {
      refusals: { es: Record<string, string> };
      refusalText: (answer: Refusal) => string;
      language: { value: string };
    };
    const { es } = page.refusals;
    assert.deepEqual(Object.keys(es), Object.keys(refusals));
    const values = (text = ""): string[] => [...text.matchAll(/\{\w+\}/g)].map(([one]) => one).sort();
    for (const [name, text] of Object.entries(refusals))
      assert.deepEqual(values(es[name]), values(text), name);
    const answer = refusal("roleNeeded", { role: "approver" });
    assert.equal(page.refusalText(answer), "only who is approver may do that");
    page.language.value = "es";
    try {
      assert.equal(page.refusalText(answer), "solo puede hacerlo quien tiene el rol «aprobador»");
      assert.equal(page.refusalText({ because: "registry away" }), "registry away");
    } finally {
      page.language.value = "en";
    }
  });
  it("name each end, and the chart of ends has them all", async () => {
    const { languages } = (await importPage("texts.mjs")) as { languages: { en: Record<string, string> } };
    const { ORDER } = (await importPage("history-chart.mjs")) as { ORDER: readonly string[] };
    const named = Object.keys(languages.en).flatMap((key) => /^end_(\w+)$/.exec(key)?.[1] ?? []);
    assert.deepEqual(named.toSorted(), endKinds.toSorted());
    assert.deepEqual(ORDER.toSorted(), endKinds.toSorted());
  });
  it("are all used by the page", async () => {
    const { languages } = (await importPage("texts.mjs")) as { languages: { en: Record<string, string> } };
    const files = (await readdir(PAGE)).filter((name) => name.endsWith(".mjs") && name !== "texts.mjs");
    const code = (await Promise.all(files.map((name) => readFile(join(PAGE, name), "utf8")))).join("\n");
    const isUsed = (key: string): boolean =>
      new RegExp(`\\b${key}\\b`).test(code) || code.includes(`\`${key.replace(/_.*/, "")}_\${`);
    assert.deepEqual(
      Object.keys(languages.en).filter((key) => !isUsed(key)),
      [],
    );
  });
});

describe("the chart of how updates ended", () => {
  it("has every day from the first end to the last, and no more than 90", async () => {
    const countByDay = (await importPage("history-chart.mjs"))["countByDay"] as (
      ends: readonly object[],
    ) => readonly { day: string; counts: Record<string, number>; total: number }[];
    const end = (day: string, what: string) => ({ at: `${day}T12:00:00`, end: what });
    assert.deepEqual(
      countByDay([
        end("2026-11-30", "updated"),
        end("2026-11-28", "failed"),
        end("2026-11-28", "updated"),
        end("2026-11-28", "updated"),
      ]),
      [
        { day: "2026-11-28", counts: { failed: 1, updated: 2 }, total: 3 },
        { day: "2026-11-29", counts: {}, total: 0 },
        { day: "2026-11-30", counts: { updated: 1 }, total: 1 },
      ],
    );
    const year = countByDay([end("2026-11-30", "updated"), end("2025-11-30", "updated")]);
    assert.deepEqual([year.length, year.at(-1)?.day], [90, "2026-11-30"]);
    assert.deepEqual(countByDay([]), []);
    assert.deepEqual(countByDay([{ at: "noon", end: "updated" }]), []);
  });
});

describe("the chart of a run", () => {
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const swapSteps = [
    { step: "create the successor", ms: 1000 },
    { step: "stop the old container", ms: 2000 },
    { step: "start the successor", ms: 500 },
    { step: "prove the successor", ms: 3000 },
  ];
  const event = { event: "e", hook: "before_update", container: "web" };
  const records = [
    { kind: "begun", at: at(10), containers: ["web", "db"] },
    { kind: "waiting", at: at(11), ...event, participants: [{ name: "board" }] },
    {
      kind: "decided",
      at: at(15),
      ...event,
      verdict: "proceed",
      by: "operator",
      reason: "by ann",
      verdicts: [],
    },
    { kind: "swapping", at: at(17), container: "web" },
    { kind: "swapped", at: at(22.5), container: "web", steps: swapSteps, downtime_ms: 2400 },
    { kind: "ended", at: at(23), container: "web", end: "updated" },
  ].map((record, seq) => ({ seq, record, ...("end" in record && { end: record.end }) }));
  const layOut = async (from: readonly object[], now: number): Promise<Chart> =>
    ((await importPage("run-chart.mjs"))["layOut"] as (records: readonly object[], now: number) => Chart)(
      from,
      now,
    );

  it("has each wait, each step and the downtime where they were", async () => {
    const { lanes, from } = await layOut(records, 99_000);
    assert.equal(from, 10_000);
    assert.deepEqual(
      lanes.map(({ container, end }) => [container, end]),
      [
        ["web", "updated"],
        ["db", undefined],
      ],
    );
    assert.deepEqual(
      lanes[0]?.spans.map(({ kind, label, from: begin, to }) => [kind, label, begin, to]),
      [
        ["wait", "before_update", 11_000, 15_000],
        ["step", "create the successor", 16_000, 17_000],
        ["step", "stop the old container", 17_000, 19_000],
        ["step", "start the successor", 19_000, 19_500],
        ["step", "prove the successor", 19_500, 22_500],
        ["down", "down", 17_000, 19_400],
      ],
    );
    assert.equal(lanes[0]?.spans[0]?.detail, "proceed · operator: by ann");
  });
  it("has the end that the service tells of a container, which differs from the record's for a rollback", async () => {
    const rolledBack = [...records.slice(0, -1), { ...records.at(-1), end: "rolled_back_by_operator" }];
    const { lanes } = await layOut(rolledBack, 99_000);
    assert.equal(lanes[0]?.end, "rolled_back_by_operator");
  });
  it("has what an undone replacement did, that it was put back, and the downtime until then", async () => {
    const undone = [
      ...records.slice(0, 4),
      {
        seq: 4,
        record: {
          ...{ kind: "ended", at: at(25), container: "web", end: "rolled_back" },
          ...{ steps: swapSteps.slice(0, 3), downtime_ms: 7500 },
        },
      },
    ];
    const { lanes } = await layOut(undone, 99_000);
    assert.deepEqual(
      lanes[0]?.spans.slice(1).map(({ kind, label, from, to }) => [kind, label, from, to]),
      [
        ["step", "create the successor", 16_000, 17_000],
        ["step", "stop the old container", 17_000, 19_000],
        ["step", "start the successor", 19_000, 19_500],
        ["down", "down", 17_000, 24_500],
        ["step", "put back", 19_500, 25_000],
      ],
    );
  });
  it("has how long a swarm took to update a service, which has no steps", async () => {
    const service = [
      { kind: "applying", at: at(3), container: "api" },
      { kind: "reverting", at: at(5), container: "api", because: "unhealthy", by: "swarm" },
      { kind: "ended", at: at(9), container: "api", end: "rolled_back" },
    ].map((record, seq) => ({ seq, record }));
    const { lanes } = await layOut(service, 99_000);
    assert.deepEqual(
      lanes[0]?.spans.map(({ label, from, to }) => [label, from, to]),
      [["replacing", 3000, 9000]],
    );
  });
  it("ends now what still goes on", async () => {
    const { lanes, to } = await layOut(records.slice(0, 2), 20_000);
    assert.equal(to, 20_000);
    assert.deepEqual(lanes[0]?.spans, [
      { kind: "wait", label: "before_update", detail: "board", from: 11_000, to: 20_000, open: true },
    ]);
    const swapping = await layOut([...records.slice(0, 1), ...records.slice(3, 4)], 20_000);
    assert.deepEqual(
      swapping.lanes[0]?.spans.map(({ label, open }) => [label, open]),
      [["replacing", true]],
    );
  });
});
