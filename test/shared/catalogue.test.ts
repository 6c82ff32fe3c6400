// The catalogue of messages: each says what happened and what to do, in words that a stranger understands.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type MessageEntry, messageOf, reasonOf, remedyOf } from "../../shared/catalogue/entry.ts";
import { catalogueSections } from "../docs/errors-page.ts";
import { readSources } from "../support/sources.ts";

const all = catalogueSections.flatMap(({ catalogues }) =>
  Object.entries(catalogues).flatMap(([catalogue, entries]) =>
    Object.entries(entries).map(([name, entry]) => ({ name: `${catalogue}.${name}`, entry })),
  ),
);

/** Words of the first version, and words that say nothing. */
const UNCLEAR =
  /\b(?:told|wish(?:es)?|heard|voices?|forth|begun with|not to be had|error occurred|something went wrong|invalid|illegal|please|simply|just|sorry|oops)\b/i;

const rules: readonly [rule: string, isKept: (entry: MessageEntry) => boolean][] = [
  [
    "says what happened, in part of a sentence",
    ({ says }) => /^[\w{"`-]/.test(says) && !/[.:;,\s]$/.test(says),
  ],
  [
    "names a remedy, in part of a sentence",
    ({ remedy }) => /^(?:[a-z`{]|[A-Z_-]{2})/.test(remedy) && !/[.:;,\s]$/.test(remedy),
  ],
  ["gives its cause in whole sentences", ({ cause }) => /^[A-Z`0-9-]/.test(cause) && cause.endsWith(".")],
  [
    "says something else than its cause",
    ({ says, cause }) => !cause.toLowerCase().startsWith(says.toLowerCase()),
  ],
  ["fits a few lines of a terminal", ({ says, remedy }) => says.length + remedy.length <= 260],
  ["has no unclear words", ({ says, cause, remedy }) => !UNCLEAR.test(`${says} ${cause} ${remedy}`)],
  ["has its brackets in pairs", ({ says, remedy }) => /^(?:[^{}]|\{\w+\})*$/.test(says + remedy)],
];

describe("each message of the catalogue", () => {
  for (const [rule, isKept] of rules)
    it(rule, () =>
      assert.deepEqual(
        all
          .filter(({ entry }) => !isKept(entry))
          .map(({ name, entry }) => `${name}: ${entry.says}: ${entry.remedy}`),
        [],
      ),
    );

  it("is used", () => {
    const sources = readSources()
      .map(({ text }) => text)
      .join("\n");
    const unused = all.filter(({ name }) => {
      const [catalogue = "", entry = ""] = name.split(".");
      return !sources.includes(`${catalogue}.${entry}`);
    });
    assert.deepEqual(
      unused.map(({ name }) => name),
      [],
    );
  });

  it("is printed in docs/errors.md, whatever file it stands in", () => {
    const folder = join(import.meta.dirname, "../../../shared/catalogue");
    const files = readdirSync(folder).filter((name) => name !== "entry.ts");
    const declared = readSources()
      .filter(({ file }) => files.some((name) => file === join("shared/catalogue", name)))
      .flatMap(({ text }) => [...text.matchAll(/^export const (\w+)/gm)].map(([, name = ""]) => name));
    assert.deepEqual(
      declared.sort(),
      catalogueSections.flatMap(({ catalogues }) => Object.keys(catalogues)).sort(),
    );
  });
});

describe("a message", () => {
  const entry = {
    says: "the Engine at {socket} does not answer",
    cause: "",
    remedy: "start {name}",
  } as const;

  it("is what happened and the remedy, with the values in their places", () => {
    assert.equal(
      messageOf(entry, { socket: "{name}", name: "Docker" }),
      "the Engine at {name} does not answer: start Docker",
    );
    assert.equal(reasonOf(entry, { socket: "a" }), "the Engine at a does not answer");
    assert.equal(remedyOf(entry, { name: "Docker" }), "start Docker");
  });

  const joints: readonly [says: string, whole: string][] = [
    ["web: no", "web: no; look"],
    ["no web; did you mean wed?", "no web; did you mean wed? look"],
    ["no web", "no web: look"],
  ];
  for (const [says, whole] of joints)
    it(`has one colon: ${whole}`, () => assert.equal(messageOf({ says, cause: "", remedy: "look" }), whole));
});

/** Where an error has a text of its own: it is a bug, or the reason in the brackets of a message, or one container's. */
const OWN_TEXTS = [
  "cli/commands/healthcheck.ts",
  "nats/nats-container.ts",
  "services/dashboard/auth/oidc.ts",
  "services/hook-executor/hosts.ts",
  "services/poller/plan/plan-event.ts",
  "services/poller/registry/http-exchange.ts",
  "services/poller/tags/tag-lists.ts",
  "services/updater/containers/copy-paths.ts",
  "services/updater/containers/file-facts.ts",
  "services/updater/containers/helper-container.ts",
  "services/updater/containers/pull-image.ts",
  "services/updater/gate/collect-verdicts.ts",
  "services/updater/plan/group-entries.ts",
  "services/updater/plan/self-update.ts",
  "services/updater/recover/resume-swap.ts",
  "services/updater/swap/recreate-dependants.ts",
  "services/updater/swap/start-dependants.ts",
  "services/updater/swap/swap.ts",
  "services/updater/swap/verify-container.ts",
  "shared/docker/load-dockerode.ts",
];

describe("errors for users", () => {
  it("of settings, NATS, registries, Engines and hooks say what to do: no other file has texts of its own", () => {
    const own = readSources()
      .filter(({ file }) => !file.startsWith("services/dashboard/page"))
      .filter(({ text }) => /new Error\(\s*["`]/.test(text))
      .map(({ file }) => file);
    assert.deepEqual(own.toSorted(), OWN_TEXTS);
  });

  it("take their text from the catalogue, where the compiler cannot tell", () => {
    const outside = readSources().flatMap(({ file, text }) =>
      [...text.matchAll(/as UserMessage\b/g)].map(() => file),
    );
    assert.deepEqual([...new Set(outside)], ["shared/catalogue/entry.ts"]);
  });
});
