// DATA_DIR that cannot be used: one sentence, and the program ends.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { after, before, describe, it } from "mocha";
import { engineSocket } from "../bed/bed.ts";
import { startProcess } from "../support/stack.ts";

const run = promisify(execFile);
const programs = {
  ouroboros: join(import.meta.dirname, "../../cli/main.js"),
  updater: join(import.meta.dirname, "../../services/updater/main.js"),
};
const MEGABYTE = 1 << 20;

describe("DATA_DIR", () => {
  let folder = "";
  const mount = (options: string): Promise<unknown> =>
    run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);

  before(async () => {
    folder = join(await mkdtemp(join(tmpdir(), "data-dir-")), "data");
    await mkdir(folder);
  });
  after(() => rm(join(folder, ".."), { recursive: true, force: true }));

  const filled = (free: number) => async () => {
    await mount("size=4m");
    await writeFile(join(folder, "filler"), Buffer.alloc(4 * MEGABYTE - free));
  };
  /** [what it is, how it becomes so, what is said of it] */
  const cases = [
    ["is full", filled(0), /is full \(0 KiB free, at least 1024 are needed\): free some space/],
    ["is nearly full", filled(40 << 10), /is full \(\d+ KiB free/],
    ["is read-only", () => mount("ro,size=1m"), /cannot be written .*set DATA_DIR to another folder/],
  ] as const;

  for (const service of ["ouroboros", "updater"] as const)
    for (const [sentence, make, said] of cases)
      it(`that ${sentence} is told by ${service} in one sentence`, async () => {
        await make();
        try {
          await using one = startProcess(programs[service], {
            PATH: process.env["PATH"] ?? "",
            DATA_DIR: folder,
            DOCKER_SOCKETS: `unix://${engineSocket(1)}`,
            ...(service === "updater" && { NATS_URL: "nats://127.0.0.1:9" }),
          });
          assert.equal(await one.exited, 1, one.log());
          assert.match(one.stderrText(), said);
          assert.equal(one.stderrText().trim().split("\n").length, 1, one.stderrText());
          assert.doesNotMatch(one.log(), /stack/);
        } finally {
          await run("umount", ["-l", folder]);
        }
      });

  it("that is a file is told in one sentence", async () => {
    await rmdir(folder);
    await writeFile(folder, "");
    const env = { PATH: process.env["PATH"] ?? "", DATA_DIR: folder };
    await using one = startProcess(programs.ouroboros, env);
    assert.equal(await one.exited, 1, one.log());
    assert.match(one.stderrText(), /^ouroboros: DATA_DIR .* cannot be written .*\n$/);
  });
});
