import assert from "node:assert/strict";
import { mkdir, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import "../../bed/bed.ts"; // It makes symbolic links.
import { findScripts, findHooksFolder as folderFor } from "../../../services/hook-executor/scripts.ts";
import { type HooksFolder, hooksFolder, runScripts } from "./scene.ts";

describe("a hook's scripts", () => {
  let folder: HooksFolder;
  beforeEach(async () => {
    folder = await hooksFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  const found = async () =>
    (await findScripts(folder.path, "before_update")).map(({ name, kind }) => `${name} ${kind}`);

  it("are the files below the hook's folder, at any depth, in the order of their paths", async () => {
    for (const name of ["20-b.sh", "10-a/z.py", "10-a/deep/er/x", "3.mjs", "10-a.js", "Z", "a"])
      await folder.put(`before_update/${name}`, "");
    await folder.put("after_update/elsewhere.sh", "");
    assert.deepEqual(await found(), [
      "10-a.js module",
      "10-a/deep/er/x executable",
      "10-a/z.py python",
      "20-b.sh executable",
      "3.mjs module",
      "Z executable",
      "a executable",
    ]);
  });

  it("are not: examples, files that nobody may execute, hidden files and folders, packages", async () => {
    await folder.put("before_update/dump.sh.example", "");
    await folder.put("before_update/README.md", "", 0o644);
    await folder.put("before_update/notes.txt", "", 0o640);
    await folder.put("before_update/.hidden.py", "");
    await folder.put("before_update/..data/copy.py", "");
    await folder.put("before_update/node_modules/left-pad/index.js", "");
    await folder.put("before_update/kept.py", "", 0o600);
    assert.deepEqual(await found(), ["kept.py python"]);
  });

  it("may be reached by symbolic links, which are not followed in circles", async () => {
    const shared = await folder.put("shared/tell.sh", "");
    await folder.put("before_update/here/own.sh", "");
    await symlink(shared, join(folder.path, "before_update/link.sh"));
    await symlink(join(folder.path, "shared"), join(folder.path, "before_update/all"));
    await symlink("..", join(folder.path, "before_update/here/up"));
    await symlink("round", join(folder.path, "before_update/round"));
    await symlink("/nowhere", join(folder.path, "before_update/broken.sh"));
    assert.deepEqual(await found(), [
      "all/tell.sh executable",
      "here/own.sh executable",
      "link.sh executable",
    ]);
  });

  it("are none where the folder is not there, or no folder", async () => {
    assert.deepEqual(await found(), []);
    await folder.put("before_update", "");
    assert.deepEqual(await found(), []);
  });

  it("count from the moment they are there", async () => {
    assert.deepEqual((await runScripts(folder)).verdict, { verdict: "proceed" });
    await folder.put("before_update/no.sh", "#!/bin/sh\nexit 1\n");
    assert.equal((await runScripts(folder)).verdict.verdict, "refuse");
    await rename(join(folder.path, "before_update/no.sh"), join(folder.path, "before_update/no.sh.example"));
    assert.deepEqual((await runScripts(folder)).verdict, { verdict: "proceed" });
  });

  it("that cannot be listed refuse: a script left out would be a gate left open", async () => {
    await mkdir(join(folder.path, "before_update"));
    const tooLong = join("before_update", "x".repeat(200));
    // A name of more than 255 bytes is an error that is not "nothing there", for root too.
    await symlink(`/${"y".repeat(300)}`, join(folder.path, tooLong));
    const { verdict } = await runScripts(folder);
    assert.equal(verdict.verdict, "refuse");
    assert.match(verdict.reason ?? "", /^the hooks folder: failed: ENAMETOOLONG/);
  });
});

describe("the hooks folder", () => {
  it("is HOOKS_DIR, else the first mounted one that holds something, else the program's own", async () => {
    await using folder = await hooksFolder();
    const mounted = ["ouroboros", "hooks"].map((name) => join(folder.path, name));
    const chosen = (setting: string) => folderFor(setting, mounted);
    const own = join(import.meta.dirname, "../../../../hooks");
    assert.equal(await chosen(""), own);
    await Promise.all(mounted.map((path) => mkdir(path)));
    assert.equal(await chosen(""), own);
    await folder.put("hooks/before_update/x.sh", "");
    assert.equal(await chosen(""), mounted[1]);
    await folder.put("ouroboros/before_update/x.py", "");
    assert.equal(await chosen(""), mounted[0]);
    assert.equal(await chosen("/srv/hooks"), "/srv/hooks");
  });
});
