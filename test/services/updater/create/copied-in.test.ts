import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type Changed,
  type Verdict,
  judge,
  withFolders,
} from "../../../../services/updater/create/copied-in.ts";
import { canonicalPath } from "../../../../services/updater/create/canonical-path.ts";

const CREATED = "2026-01-01T10:00:00.4Z";
const FIRST_START = "2026-01-01T10:00:01.2Z";
const FOLDER = 2 ** 31 + 0o755;

const file = (
  path: string,
  mtime: string,
  kind: Changed["kind"] = "added",
  mode: number = 0o644,
): Changed => ({ path, kind, stat: { size: 1, mode, mtime } });

const BEFORE = "2026-01-01T10:00:00.7Z";
const AFTER = "2026-01-01T10:00:05.123Z";
const OLD = "2020-01-01T00:00:00Z";
const etc = (mtime: string): Changed => file("/etc", mtime, "changed", FOLDER);

type Case = readonly [
  sentence: string,
  subject: Changed,
  folders: readonly Changed[],
  expected: Verdict,
  how?: "restarted",
];

describe("a file that differs from the image", () => {
  const cases: readonly Case[] = [
    ["with a fraction of a second is the container's own", file("/etc/a", BEFORE), [etc(BEFORE)], "its own"],
    ["of compose was copied in", file("/etc/a", "2026-01-01T10:00:00Z"), [etc(AFTER)], "copied in"],
    [
      "of compose was copied in, also once the container was restarted",
      file("/etc/a", "2026-01-01T10:00:01Z"),
      [etc(AFTER)],
      "copied in",
      "restarted",
    ],
    [
      "of compose that replaced the image's was copied in",
      file("/etc/a", "2026-01-01T10:00:01Z", "changed"),
      [etc(AFTER)],
      "copied in",
    ],
    [
      "that is older than the container was copied in, if its folder is as before the first start",
      file("/etc/a", OLD),
      [etc(BEFORE)],
      "copied in",
    ],
    ["that is older is doubtful, if its folder is not", file("/etc/a", OLD), [etc(AFTER)], "doubtful"],
    [
      "that is older is doubtful, if the first start is not known",
      file("/etc/a", OLD),
      [etc(BEFORE)],
      "doubtful",
      "restarted",
    ],
    [
      "in a folder that came with it was copied in, if that one's folder is as before",
      file("/etc/d/a", OLD),
      [file("/etc/d", OLD, "added", FOLDER), etc(BEFORE)],
      "copied in",
    ],
    [
      "of the image that was given away is the image's, if nothing was put into its folder",
      file("/etc/a", OLD, "changed"),
      [etc(OLD)],
      "its own",
    ],
    [
      "of the image is to be compared, if something was put into its folder",
      file("/etc/a", OLD, "changed"),
      [etc(BEFORE)],
      "compare with the image",
    ],
    ["that is a folder of the image is none", etc(OLD), [], "its own"],
  ];
  for (const [sentence, subject, folders, expected, how] of cases)
    it(sentence, () => {
      const life = {
        created: Date.parse(CREATED),
        firstStart: how === "restarted" ? undefined : Date.parse(FIRST_START),
      };
      const folderOf = (path: string) => folders.find((one) => one.path === path);
      assert.equal(judge(subject, life, folderOf), expected);
    });

  it("takes along the folders that were added with it, parents first", () => {
    const added = ["/a", "/a/b", "/a/b/c"];
    assert.deepEqual(
      withFolders(["/a/b/c", "/etc/x"], (path) => added.includes(path)),
      ["/a", "/a/b", "/a/b/c", "/etc/x"],
    );
  });
});

describe("a path as the Engine compares it", () => {
  for (const [path, expected] of [
    ["/data/", "/data"],
    ["/srv//x", "/srv/x"],
    ["/srv/./x/../y/", "/srv/y"],
    ["data", "/data"],
    ["/../x", "/x"],
    ["/", "/"],
  ] as const)
    it(`${path} is ${expected}`, () => assert.equal(canonicalPath(path), expected));
});
