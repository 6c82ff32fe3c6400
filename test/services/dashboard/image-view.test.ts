// What the view Images makes of the hosts' ledgers, without NATS.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { LedgerEntry } from "../../../shared/contract/ledger.ts";
import { imageOnHost, imageViews } from "../../../services/dashboard/model/image-view.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const short = (letter: string): string => `sha256:${letter.repeat(12)}`;
const at = (hour: number): string => new Date(Date.UTC(2026, 10, 30, hour)).toISOString();
const use = (letter: string, containers: number, ends: LedgerEntry["uses"][number]["ends"] = {}) => ({
  ...{ digest: digest(letter), since: at(1), containers, ends },
});
const web = { image: "apps/web:latest", platform: "linux/amd64" };

describe("an image in the list of the dashboard", () => {
  it("has what its tag named last, since the first host saw it, and who still runs another digest", () => {
    const ledgers: readonly (readonly [string, LedgerEntry])[] = [
      [
        "h1",
        {
          ...web,
          stays: [
            { digest: digest("a"), from: at(1), to: at(4) },
            { digest: digest("b"), from: at(5), to: at(9) },
          ],
          uses: [use("a", 0, { updated: 1 }), use("b", 2, { updated: 2, rolled_back: 1, refused: 4 })],
        },
      ],
      // it has not looked since
      ["h2", { ...web, stays: [{ digest: digest("a"), from: at(1), to: at(3) }], uses: [use("a", 1)] }],
      ["h3", { ...web, stays: [{ digest: digest("b"), from: at(6), to: at(8) }], uses: [use("c", 1)] }],
      ["h3", { ...web, image: "apps/db:16", stays: [], uses: [use("d", 0, { stuck: 1, failed: 1 })] }],
    ];
    assert.deepEqual(imageViews(ledgers.map(([host, entry]) => imageOnHost({ host, entry }))), [
      {
        ...{ image: "apps/db:16", platforms: ["linux/amd64"], hosts: 1, containers: 0, behind: 0 },
        ...{ on_tag: null, digests: 1, updated: 0, failed: 2 },
      },
      {
        ...{ image: "apps/web:latest", platforms: ["linux/amd64"], hosts: 3, containers: 4, behind: 2 },
        on_tag: { digest: short("b"), since: at(5), seen: at(9) },
        ...{ digests: 3, updated: 3, failed: 1 },
      },
    ]);
  });
});
