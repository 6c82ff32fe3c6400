// A script that cannot run, or must not, is told and counts as failed; none is left out in silence.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeUpdateEvent, type HooksFolder, hooksFolder, runScripts, until } from "./scene.ts";
import { openStage } from "./stage.ts";

const run = promisify(execFile);
const SH = "#!/bin/sh\nexit 0\n";

/** How it is put there, and the sentence; FILE is its path. */
const cases: readonly [string, (folder: HooksFolder) => Promise<unknown>, RegExp][] = [
  ["its executable bit", (f) => f.put("before_update/x", SH, 0o644), /x is not executable; chmod \+x \S+x$/],
  [
    "its bit, with a shell's ending",
    (f) => f.put("before_update/x.sh", "exit 0\n", 0o644),
    /not executable; chmod \+x/,
  ],
  [
    "line ends of Unix",
    (f) => f.put("before_update/x", SH.replaceAll("\n", "\r\n")),
    /\(CRLF\); sed -i 's\/\\r\$\/\/' \S+x$/,
  ],
  [
    "a first line",
    (f) => f.put("before_update/x", "exit 0\n"),
    /names its interpreter; begin it with #!\/bin\/sh$/,
  ],
  ["anything", (f) => f.put("before_update/x", ""), /names its interpreter/],
  [
    "its interpreter",
    (f) => f.put("before_update/x", "#!/opt/no/such\n"),
    /^x: failed: \/opt\/no\/such, which runs \S+, is not there; install/,
  ],
  [
    "what env looks for",
    (f) => f.put("before_update/x", "#!/usr/bin/env -S A=1 nosuch -e\n"),
    /failed: nosuch, which runs/,
  ],
  [
    "others who may not write it",
    (f) => f.put("before_update/x", SH, 0o757),
    /x can be written by anybody; chmod o-w \S+\/before_update\/x$/,
  ],
  [
    "others who may not write a module",
    (f) => f.put("before_update/x.mjs", "", 0o646),
    /can be written by anybody/,
  ],
  [
    "others who may not write Python",
    (f) => f.put("before_update/x.py", "", 0o646),
    /can be written by anybody/,
  ],
  [
    "others who may not write its folder",
    async (f) => {
      await f.put("before_update/deep/x", SH);
      await chmod(join(f.path, "before_update"), 0o777);
    },
    /before_update can be written by anybody; chmod o-w \S+\/before_update$/,
  ],
];

describe("a script without", () => {
  let folder: HooksFolder;
  beforeEach(async () => {
    folder = await hooksFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  for (const [sentence, put, says] of cases)
    it(sentence, async () => {
      await put(folder);
      const { verdict } = await runScripts(folder);
      assert.equal(verdict.verdict, "refuse");
      assert.match(verdict.reason ?? "", says);
      const { verdict: passed } = await runScripts(folder, { HOOK_FAILURE: "proceed" });
      assert.equal(passed.verdict, "proceed");
      assert.match(passed.reason ?? "", /which HOOK_FAILURE lets pass/);
    });

  it("these two faults, since `chmod +x` and `chmod o-w`, runs", async () => {
    await folder.put("before_update/x", SH, 0o646);
    for (const change of ["+x", "o-w"]) await run("chmod", [change, join(folder.path, "before_update/x")]);
    assert.equal((await runScripts(folder)).verdict.verdict, "proceed");
  });

  it("a mount that lets it run", async () => {
    const mounted = join(folder.path, "before_update");
    await mkdir(mounted);
    await run("mount", ["-t", "tmpfs", "-o", "noexec,mode=755", "tmpfs", mounted]);
    try {
      await folder.put("before_update/x", SH);
      const { verdict } = await runScripts(folder);
      assert.match(
        verdict.reason ?? "",
        /is on a file system that is mounted noexec; mount it without noexec$/,
      );
    } finally {
      await run("umount", [mounted]);
    }
  });

  it("a folder that was configured", async () => {
    const { verdict } = await runScripts({ ...folder, path: join(folder.path, "nowhere") });
    assert.equal(verdict.verdict, "refuse");
    assert.match(
      verdict.reason ?? "",
      /HOOKS_DIR \S+nowhere is not there, or no folder: mount it, or unset HOOKS_DIR$/,
    );
  });

  it("fault runs beside one that has one", async () => {
    await folder.put("before_update/10-bad", SH, 0o644);
    await folder.put("before_update/20-good", "#!/bin/sh\necho ran > OUT/good\n");
    await runScripts(folder);
    assert.equal(await folder.left("good"), "ran\n");
  });

  it("a chance to be run is told at the start", async () => {
    await using stage = await openStage();
    await stage.makeConsumer();
    await stage.folder.put("before_update/10-bad", SH, 0o644);
    await stage.folder.put("before_updates/10-never", SH);
    await stage.folder.put("loose.sh", SH);
    await using executor = stage.start();
    await until("it waits", () => executor.output().includes("waiting for hook events"));
    assert.match(
      executor.output(),
      /"script":"10-bad","because":"\S+10-bad is not executable","mend":"chmod \+x [^"]+","msg":"script will not run"/,
    );
    for (const [name, meant] of [
      ["before_updates", "; did you mean before_update"],
      ["loose.sh", '"'],
    ])
      assert.match(
        executor.output(),
        new RegExp(`"name":"${name}".*lists them\\)${meant}.*no hook has this name; nothing in it ever runs`),
      );
    const event = beforeUpdateEvent();
    await stage.publish(event);
    assert.equal((await stage.verdictOn(event)).verdict, "refuse");
    assert.match(executor.output(), /"script":"10-bad".*"msg":"script is not run"/);
  });
});
