import assert from "node:assert/strict";
import {
  selectEffectiveLabels,
  selectReportableLabels,
} from "../../../shared/containers/effective-labels.ts";
import { foreignLabels } from "../../../shared/settings/foreign-labels.ts";
import { labels } from "../../../shared/settings/labels.ts";

type Labels = Readonly<Record<string, string>>;
const W = "com.centurylinklabs.watchtower";
const O = "com.ouroboros";

/** The container's labels, the image's, and those of the container that do not count. */
const cases: readonly [string, Labels | null, Labels | null | "unknown", readonly string[]][] = [
  ["of nobody are none", null, null, []],
  ["of the owner count", { [`${O}.depends_on`]: "db" }, {}, []],
  [
    "of the owner count where the image says something else",
    { [`${O}.depends_on`]: "db" },
    { [`${O}.depends_on`]: "x" },
    [],
  ],
  ["a blank makes the owner's", { [`${O}.check`]: " tcp://db:1" }, { [`${O}.check`]: "tcp://db:1" }, []],
  ...[
    ...[
      `${O}.depends_on`,
      `${O}.hard_depends_on`,
      `${O}.health_timeout`,
      `${O}.settle_time`,
      `${O}.cooldown`,
      `${O}.tag_policy`,
    ],
    `${O}.role`,
    ...[`${W}.depends-on`, `${W}.lifecycle.pre-update-timeout`, `${W}.lifecycle.post-update-timeout`],
  ].map((name): (typeof cases)[number] => [
    `${name} of the image does not count`,
    { [name]: "db", "org.opencontainers.image.title": "x" },
    { [name]: "db", "org.opencontainers.image.title": "x" },
    [name],
  ]),
  ...["http://169.254.169.254/latest", "tcp://db:5432", "https://container/", " exec", "nonsense"].map(
    (asked): (typeof cases)[number] => [
      `a check ${asked} of the image does not count`,
      { [`${O}.check`]: asked },
      { [`${O}.check`]: asked },
      [`${O}.check`],
    ],
  ),
  ["a check inside counts", { [`${O}.check`]: "exec:true" }, { [`${O}.check`]: "exec:true" }, []],
  ...[`${O}.enable`, `${O}.stop_signal`, `${W}.enable`, `${W}.lifecycle.pre-update`].map(
    (name): (typeof cases)[number] => [
      `${name} concerns its own container and counts`,
      { [name]: "x" },
      { [name]: "x" },
      [],
    ],
  ),
  ["an image that is gone may have said it", { [`${O}.depends_on`]: "db" }, "unknown", [`${O}.depends_on`]],
  [
    "an empty label of both is the image's",
    { [`${O}.depends_on`]: "" },
    { [`${O}.depends_on`]: "" },
    [`${O}.depends_on`],
  ],
  [
    "names of JavaScript are labels like others",
    { constructor: "a", toString: "b" },
    { constructor: "a" },
    [],
  ],
  [
    "an image without them has none of JavaScript's",
    { [`${O}.depends_on`]: "db" },
    Object.create({ [`${O}.depends_on`]: "db" }) as Labels,
    [],
  ],
];

describe("labels that count", () => {
  for (const [sentence, own, image, ignored] of cases)
    it(sentence, () => {
      const counting = selectEffectiveLabels(own, image);
      const expected = Object.entries(own ?? {}).filter(([name]) => !ignored.includes(name));
      assert.deepEqual(counting.labels, Object.fromEntries(expected));
      assert.deepEqual(counting.ignored, image === "unknown" ? [] : ignored);
    });

  it("are told of where somebody would read them", () => {
    const ignored = [`${O}.depends_on`, `${W}.depends-on`];
    assert.deepEqual(selectReportableLabels(ignored, []), [`${O}.depends_on`]);
    assert.deepEqual(selectReportableLabels(ignored, ["watchtower"]), ignored);
  });

  it("are said of each label in the table: a new one is decided about", () => {
    const known = new Set(cases.flatMap(([, own]) => Object.keys(own ?? {})));
    const own = [`${W}.monitor-only`, `${W}.stop-signal`, `${W}.lifecycle.post-update`, "wud.watch"];
    assert.deepEqual(
      Object.keys({ ...labels, ...foreignLabels }).filter((name) => !known.has(name) && !own.includes(name)),
      [],
    );
  });
});
