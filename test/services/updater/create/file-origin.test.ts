import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type ChangedFile,
  type ContainerTimes,
  type FileOrigin,
  earliestWritten,
  isOwnPath,
  judgeFileOrigin,
  withFolders,
} from "../../../../services/updater/create/file-origin.ts";

const time = (text: string): number => Date.parse(`2026-01-01T${text}Z`);
const CREATED = time("10:00:00.4");
const STARTED = time("10:00:01.2");
const RESTARTED = time("11:00:00.7");
const BEFORE = time("10:00:00.7");
const AFTER = time("10:00:05.123");
const LATER = time("10:30:00.123");
const OLD = Date.parse("2020-01-01T00:00:00Z");

const once: ContainerTimes = { created: CREATED, firstStart: STARTED, lastStart: STARTED };
const restarted: ContainerTimes = { created: CREATED, firstStart: undefined, lastStart: RESTARTED };
const never: ContainerTimes = { created: CREATED, firstStart: Infinity, lastStart: NaN };

const file = (mtime: number, more: Partial<ChangedFile> = {}): ChangedFile => ({
  ...{ path: "/etc/a", kind: "added", type: "file", mtime, isWhole: mtime % 1000 === 0, ...more },
});
const folder = (path: string, mtime: number, kind: ChangedFile["kind"] = "changed"): ChangedFile =>
  file(mtime, { path, kind, type: "folder" });
const etc = (mtime: number): ChangedFile[] => [folder("/etc", mtime), folder("/", OLD)];

type Case = readonly [
  sentence: string,
  input: { life: ContainerTimes; one: ChangedFile; folders: readonly ChangedFile[] },
  expected: FileOrigin,
];

const cases: readonly Case[] = [
  [
    "modified between creation and first start was copied in",
    { life: once, one: file(BEFORE), folders: etc(AFTER) },
    "copied in",
  ],
  [
    "of compose, rounded up beyond the first start, was copied in",
    { life: once, one: file(time("10:00:02")), folders: etc(AFTER) },
    "copied in",
  ],
  [
    "that is a link and was carried over, with a second rounded up beyond the first start, was copied in",
    { life: once, one: file(time("10:00:02"), { type: "link" }), folders: etc(AFTER) },
    "copied in",
  ],
  [
    "that is a folder and was carried over, with a second rounded up beyond the first start, was copied in",
    {
      life: once,
      one: folder("/srv/a", time("10:00:02"), "added"),
      folders: [folder("/srv", AFTER), folder("/", OLD)],
    },
    "copied in",
  ],
  [
    "of compose, rounded down before the creation, was copied in",
    { life: once, one: file(time("10:00:00")), folders: etc(AFTER) },
    "copied in",
  ],
  [
    "that is a folder and keeps the second in which its image was pulled is doubtful",
    {
      life: once,
      one: folder("/srv/a", time("10:00:00"), "added"),
      folders: [folder("/srv", AFTER), folder("/", OLD)],
    },
    "doubtful",
  ],
  [
    "that keeps the time at which its image was pulled, right before the creation, is doubtful",
    { life: once, one: file(CREATED - 1), folders: etc(AFTER) },
    "doubtful",
  ],
  [
    "modified after the first start is its own",
    { life: once, one: file(AFTER), folders: etc(AFTER) },
    "its own",
  ],
  [
    "of a package that was built after the first start is its own",
    { life: once, one: file(time("12:00:00")), folders: etc(LATER) },
    "its own",
  ],
  [
    "older than the container was copied in, if its folder did not change since the first start",
    { life: once, one: file(OLD), folders: etc(BEFORE) },
    "copied in",
  ],
  [
    "older than the container is doubtful, if its folder changed",
    { life: once, one: file(OLD), folders: etc(AFTER) },
    "doubtful",
  ],
  [
    "older than the container was copied in, if it was changed before the first start",
    { life: once, one: file(OLD, { ctime: BEFORE }), folders: etc(AFTER) },
    "copied in",
  ],
  [
    "older than the container is its own, if it was changed after the first start",
    { life: once, one: file(OLD, { ctime: AFTER }), folders: etc(AFTER) },
    "its own",
  ],
  [
    "older than the container is its own, if nothing was copied in",
    { life: { ...once, lastCopy: CREATED }, one: file(OLD), folders: etc(AFTER) },
    "its own",
  ],
  [
    "in an old folder that came with it was copied in, if what that was put into did not change",
    {
      life: once,
      one: file(OLD, { path: "/etc/tree/a" }),
      folders: [folder("/etc/tree", OLD, "added"), ...etc(BEFORE)],
    },
    "copied in",
  ],
  [
    "of the image that was given another owner is its own",
    { life: once, one: file(OLD, { kind: "changed" }), folders: etc(OLD) },
    "its own",
  ],
  [
    "of the image is doubtful in a folder that somebody copied into",
    { life: once, one: file(OLD, { kind: "changed" }), folders: etc(BEFORE) },
    "doubtful",
  ],
  [
    "of the image was replaced, if it was changed before the first start",
    { life: once, one: file(OLD, { kind: "changed", ctime: BEFORE }), folders: etc(BEFORE) },
    "copied in",
  ],
  [
    "of a container that never ran was copied in",
    { life: never, one: file(OLD, { kind: "changed" }), folders: etc(BEFORE) },
    "copied in",
  ],
  [
    "with a fraction of a second is a restarted container's own",
    { life: restarted, one: file(BEFORE), folders: etc(AFTER) },
    "its own",
  ],
  [
    "of compose was copied in, also once the container was restarted",
    { life: restarted, one: file(time("10:00:01")), folders: etc(LATER) },
    "copied in",
  ],
  [
    "that compose copied anew at a later start was copied in, if its folder changed then",
    { life: restarted, one: file(time("10:30:00")), folders: etc(LATER) },
    "copied in",
  ],
  [
    "that compose copied anew at a later start was copied in, if it was changed then",
    { life: restarted, one: file(time("10:29:00"), { ctime: time("10:28:59.6") }), folders: etc(LATER) },
    "copied in",
  ],
  [
    "of a package that was built meanwhile is its own",
    { life: restarted, one: file(time("10:29:00"), { ctime: LATER }), folders: etc(LATER) },
    "its own",
  ],
  [
    "of meanwhile is doubtful, if nothing tells when it was changed",
    { life: restarted, one: file(time("10:29:00")), folders: etc(LATER) },
    "doubtful",
  ],
  [
    "older than a restarted container is doubtful",
    { life: restarted, one: file(OLD, { ctime: AFTER }), folders: etc(BEFORE) },
    "doubtful",
  ],
  [
    "older than a restarted container is its own, if it was changed after the container had printed something",
    {
      life: { ...restarted, wrote: time("10:00:03") },
      one: file(OLD, { ctime: AFTER }),
      folders: etc(AFTER),
    },
    "its own",
  ],
  [
    "older than a restarted container is its own, if it was changed after the last start",
    { life: restarted, one: file(OLD, { ctime: RESTARTED + 1 }), folders: etc(AFTER) },
    "its own",
  ],
  [
    "older than a restarted container was copied in, if the last copy was later",
    { life: { ...restarted, lastCopy: STARTED }, one: file(OLD, { ctime: BEFORE }), folders: etc(AFTER) },
    "copied in",
  ],
  [
    "older than a restarted container is its own, if the last copy was earlier",
    { life: { ...restarted, lastCopy: BEFORE }, one: file(OLD, { ctime: AFTER }), folders: etc(AFTER) },
    "its own",
  ],
  [
    "that is a folder of the image is its own, whatever was copied into it",
    { life: once, one: folder("/etc", BEFORE), folders: etc(BEFORE) },
    "its own",
  ],
  [
    "that is a socket is its own",
    { life: once, one: file(BEFORE, { type: "other" }), folders: etc(BEFORE) },
    "its own",
  ],
];

describe("a file that differs from the image", () => {
  for (const [sentence, { life, one, folders }, expected] of cases)
    it(sentence, () => {
      const folderOf = (path: string) => folders.find((folder) => folder.path === path);
      assert.equal(judgeFileOrigin(one, life, folderOf), expected);
    });
});

describe("what is known of a container's files", () => {
  it("takes the folders that were added along, parents first", () =>
    assert.deepEqual(
      withFolders(["/a/b/c", "/etc/x"], (path) => path.startsWith("/a")),
      ["/a", "/a/b", "/a/b/c", "/etc/x"],
    ));

  it("leaves out what is mounted, and what the Engine puts into every container", () =>
    assert.deepEqual(
      [
        "/etc/hosts",
        "/.dockerenv",
        "/dev/x",
        "/data",
        "/data/x",
        "/database",
        "/etc/hosts.allow",
        "/",
      ].filter((path) => isOwnPath(path, ["/data"])),
      ["/database", "/etc/hosts.allow"],
    ));

  it("takes the earliest file with a fraction of a second for the first that the container wrote", () =>
    assert.equal(
      earliestWritten(
        [file(AFTER, { ctime: AFTER }), file(LATER, { ctime: LATER }), file(OLD, { ctime: BEFORE })],
        CREATED,
      ),
      AFTER,
    ));
});
