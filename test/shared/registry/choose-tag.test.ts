// Tag policies: which tag a container follows. A table of cases, the rules of shared/registry/choose-tag.ts on random tags,
// and tags that a hostile registry could list.
import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseTag, isTag, isTagAllowed } from "../../../shared/registry/choose-tag.ts";
import { readTagVersion } from "../../../shared/registry/tag-version.ts";
import { type TagPolicy, parseTagPolicy } from "../../../shared/settings/tag-policy.ts";

function policy(text: string): TagPolicy {
  const parsed = parseTagPolicy(text);
  assert.ok(parsed !== undefined, `${text} is a policy`);
  return parsed;
}

describe("a tag policy chooses", () => {
  const cases: readonly [string, string, string, string[], string][] = [
    ["the same tag by default", "same", "1.4.2", ["1.4.3", "2.0.0"], "1.4.2"],
    [
      "the highest version of the range",
      "semver:^1.4",
      "1.4.2",
      ["1.4.3", "1.10.0", "1.9.9", "2.0.0"],
      "1.10.0",
    ],
    ["its own tag where nothing later is in the range", "semver:^1.4", "2.0.0", ["1.9.0", "2.1.0"], "2.0.0"],
    ["none that is lower than what runs", "semver:*", "1.4.2", ["1.4.1", "0.9.0"], "1.4.2"],
    ["a lower range's end from below it", "semver:^1.4", "1.2.0", ["1.3.0", "1.4.1"], "1.4.1"],
    ["no pre-release", "semver:^1.4", "1.4.2", ["1.5.0-rc.1", "1.5.0-beta2", "1.5.0-SNAPSHOT"], "1.4.2"],
    ["pre-releases on request", "semver+pre:^1.4", "1.4.2", ["1.5.0-rc9", "1.5.0-rc10"], "1.5.0-rc10"],
    ["the release after its pre-release", "semver+pre:^1.4", "1.5.0-rc1", ["1.5.0-rc2", "1.5.0"], "1.5.0"],
    [
      "pre-releases that the range names",
      "semver:^1.5.0-rc.1",
      "1.5.0-rc1",
      ["1.5.0-rc2", "1.6.0-rc1"],
      "1.5.0-rc2",
    ],
    [
      "its own variant alone",
      "semver:^1",
      "1.4.2-alpine",
      ["1.5.0", "1.5.0-bookworm", "1.4.9-alpine"],
      "1.4.9-alpine",
    ],
    [
      "no variant from a plain version",
      "semver:^1",
      "1.4.2",
      ["1.5.0-alpine", "1.5.0_1", "1.5.0-1"],
      "1.4.2",
    ],
    [
      "the variant of a pre-release",
      "semver+pre:^1",
      "1.4.2-alpine",
      ["1.5.0-rc1-alpine", "1.5.0-rc1"],
      "1.5.0-rc1-alpine",
    ],
    ["as many numbers as it has", "semver:^1", "1.4", ["1.5.0", "1", "1.5"], "1.5"],
    ["the same leading v", "semver:^1", "v1.4.2", ["1.9.0", "v1.5.0"], "v1.5.0"],
    ["its own tag where that is no version", "semver:^1", "stable", ["1.5.0", "stable2"], "stable"],
    ["nothing of four numbers by a range", "semver:*", "1.4.2", ["1.5.0.1", "01.6.0", "2024.01.05"], "1.4.2"],
    [
      "the newest date",
      "newest",
      "2026-01-05",
      ["2026-01-31", "2026-02-01", "2026-02-01-beta"],
      "2026-02-01",
    ],
    ["the newest build", "newest", "4.0.9-ls99", ["4.0.9-ls100", "4.0.10-ls7", "latest"], "4.0.10-ls7"],
    [
      "no other kind of tag as the newest",
      "newest",
      "1.4.2",
      ["1.5.0-rc1", "20260101", "v9.9.9", "1.5"],
      "1.4.2",
    ],
    ["the newest that the filter takes", "newest:2026.*", "2026.1", ["2026.11", "2027.1"], "2026.11"],
    ["a dot as a dot in a filter", "newest:1.*", "1.4", ["15.2", "1.5"], "1.5"],
    [
      "what a pattern matches as a whole",
      "regex:1\\.\\d+\\.\\d+",
      "1.4.2",
      ["1.5.0", "1.5.0x", "2.1.5"],
      "1.5.0",
    ],
    [
      "by large numbers",
      "newest",
      "9999999999999999999",
      ["10000000000000000000", "2"],
      "10000000000000000000",
    ],
  ];
  for (const [sentence, text, own, tags, expected] of cases)
    it(`${sentence}: ${text} from ${own}`, () => {
      assert.equal(chooseTag(own, tags, policy(text)).tag, expected);
    });

  it("and says what it has passed over", () => {
    const tags = ["1.4.2", "1.5.0", "1.6.0-rc.1", "2.0.0", "2.1.0", "1.7.0-alpine", "1.3.0"];
    assert.deepEqual(chooseTag("1.4.2", tags, policy("semver:^1.4")), {
      tag: "1.5.0",
      passedOver: [
        { tag: "1.6.0-rc.1", because: "a pre-release" },
        { tag: "1.7.0-alpine", because: "another variant" },
        { tag: "2.1.0", because: "not in its policy" },
      ],
      beyond: "2.1.0",
    });
    assert.deepEqual(chooseTag("latest", tags, policy("semver:^1.4")), {
      ...{ tag: "latest", passedOver: [], isUnordered: true },
    });
  });
});

describe("whatever tags a registry lists,", () => {
  const number = fc.integer({ min: 0, max: 12 });
  const suffix = fc.constantFrom(
    "",
    "",
    "-alpine",
    "-bookworm",
    "-rc1",
    "-rc.2",
    "-beta",
    "-rc1-alpine",
    "_1",
  );
  const tag = fc
    .tuple(fc.constantFrom("", "", "v"), fc.array(number, { minLength: 1, maxLength: 4 }), suffix)
    .map(([prefix, numbers, rest]) => `${prefix}${numbers.join(".")}${rest}`);
  const anyTag = fc.oneof({ weight: 9, arbitrary: tag }, fc.string(), fc.constantFrom("latest", "stable"));
  const anyPolicy = fc
    .constantFrom(
      "same",
      "semver:^1",
      "semver:>=1.4 <9",
      "semver+pre:*",
      "newest",
      "newest:1*",
      "regex:v?\\d.*",
    )
    .map(policy);
  const byNumbers = new Intl.Collator("en", { numeric: true });
  const shape = (text: string): string => text.replace(/\d+/g, "0");
  const isPrerelease = (text: string): boolean => readTagVersion(text)?.isPrerelease === true;
  const check = (holds: (own: string, tags: string[], by: TagPolicy) => boolean): void =>
    fc.assert(fc.property(tag, fc.array(anyTag, { maxLength: 30 }), anyPolicy, holds), { numRuns: 2000 });

  it("the choice is the container's own tag or one of those, and a tag", () => {
    check((own, tags, by) => {
      const chosen = chooseTag(own, tags, by).tag;
      return chosen === own || (tags.includes(chosen) && isTag(chosen));
    });
  });

  it("it is never lower than what runs, and never another tag by `same`", () => {
    check((own, tags, by) => {
      const chosen = chooseTag(own, tags, by).tag;
      if (by.kind === "same" || chosen === own) return chosen === own;
      if (by.kind === "newest") return byNumbers.compare(chosen, own) > 0;
      const [before, after] = [own, chosen].map(readTagVersion);
      return before !== undefined && after !== undefined && after.version.compare(before.version) > 0;
    });
  });

  it("it never leaves the variant", () => {
    check((own, tags, by) => {
      const chosen = chooseTag(own, tags, by).tag;
      return by.kind === "semver"
        ? readTagVersion(chosen)?.variant === readTagVersion(own)?.variant
        : shape(chosen) === shape(own);
    });
  });

  it("it is no pre-release unless one is asked for, or runs", () => {
    check(
      (own, tags, by) =>
        !isPrerelease(chooseTag(own, tags, by).tag) ||
        isPrerelease(own) ||
        (by.kind === "semver" && by.prereleases),
    );
  });

  it("more tags never lead to a lower choice, and a choice is stable", () => {
    fc.assert(
      fc.property(tag, fc.array(anyTag), fc.array(anyTag), anyPolicy, (own, some, more, by) => {
        const few = chooseTag(own, some, by).tag;
        const all = chooseTag(own, [...some, ...more], by).tag;
        return isTagAllowed(few, all, by) && chooseTag(all, [...some, ...more], by).tag === all;
      }),
      { numRuns: 2000 },
    );
  });

  it("the updater, which sees the chosen tag alone, allows just that", () => {
    check((own, tags, by) => {
      const chosen = chooseTag(own, tags, by).tag;
      return isTagAllowed(own, chosen, by);
    });
  });
});

describe("a text is no policy", () => {
  const wrong = [
    "semver",
    "semver:",
    "semver:one",
    "regex:",
    "regex:(",
    "regex:(?=a)b",
    "regex:(a)\\1",
    "regex:(a{1000}){1000}",
    "newest:",
    "newest:(a+)+",
    "latest",
    `regex:${"a".repeat(300)}`,
  ];
  for (const text of wrong)
    it(`such as ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.equal(parseTagPolicy(text), undefined);
    });
});

describe("tags made to be slow", () => {
  const timed = (work: () => unknown): void => {
    const before = performance.now();
    work();
    assert.ok(performance.now() - before < 20_000, "in time linear in the length of a tag");
  };

  it("do not hang a pattern that would hang an engine that backtracks", () => {
    const tags = Array.from({ length: 500 }, (_, n) => `${n}${"a".repeat(120)}`);
    timed(() => assert.equal(chooseTag(tags[0] ?? "", tags, policy("regex:\\d+((a|aa)+)+!")).tag, tags[0]));
    timed(() => chooseTag(tags[0] ?? "", tags, policy("newest:*a*a*a*a*a*a*a*b")));
  });

  it("do not hang the reading of versions", () => {
    const ones = "1".repeat(115);
    const tags = [
      `1.4.3-rc${ones}x`,
      `1.4.3-rc-${ones}`,
      ones,
      `1.4.3${"-rc1".repeat(30)}`,
      "1.4.3".padEnd(128, "-"),
    ];
    timed(() => assert.equal(chooseTag("1.4.2", tags, policy("semver:*")).tag, "1.4.2"));
  });
});
