import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Counters } from "../../../../services/updater/journal/update-counters.ts";

describe("the counters of updates", () => {
  let dataDir = "";
  let lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const file = () => join(dataDir, "counters/home.json");
  const opened = (now = "2026-01-01T00:00:00Z", save = true) =>
    Counters.open({ dataDir, host: "home", save, log, now });

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counters-"));
    lines = [];
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it("are read again by who comes later", async () => {
    const before = await opened();
    await before.count("run1", ["web", "db"]);
    await before.count("run2", ["web"]);
    const after = await opened("2026-02-02T00:00:00Z");
    assert.deepEqual(after.counts, {
      since: "2026-01-01T00:00:00Z",
      all: 3,
      containers: { web: 2, db: 1 },
    });
    assert.deepEqual(lines, []);
  });

  it("count a container of any name", async () => {
    const counters = await opened();
    await counters.count("run1", ["constructor"]);
    assert.deepEqual(counters.counts.containers, { constructor: 1 });
  });

  it("count each run once, also where another process finishes it", async () => {
    await (await opened()).count("run1", ["web"]);
    const after = await opened();
    await after.count("run1", ["web"]);
    assert.equal(after.counts.all, 1);
  });

  it("leave nothing half written, and are for their owner alone", async () => {
    await (await opened()).count("run1", ["web"]);
    assert.deepEqual(await readdir(join(dataDir, "counters")), ["home.json"]);
    assert.equal((await stat(file())).mode & 0o777, 0o600);
  });

  for (const [sentence, text] of [
    ["is empty", ""],
    ["is cut off", '{"since":"2026-01-01T00:0'],
    ["holds something else", '{"since":"2026-01-01T00:00:00Z","containers":{"web":-1},"counted":[]}'],
  ] as const)
    it(`begin anew, and say so, where the file ${sentence}`, async () => {
      await mkdir(join(dataDir, "counters"));
      await writeFile(file(), text);
      const counters = await opened();
      assert.deepEqual(counters.counts, { since: "2026-01-01T00:00:00Z", all: 0, containers: {} });
      assert.match(
        lines.join(""),
        /"file":".*home\.json","because":"it does not hold counters","msg":"counters begin anew"/,
      );
      await counters.count("run1", ["web"]);
      assert.match(await readFile(file(), "utf8"), /"web":1/);
    });

  it("begin anew where the file cannot be read, and go on where it cannot be written", async () => {
    await mkdir(file(), { recursive: true });
    const counters = await opened();
    assert.match(lines.join(""), /EISDIR.*counters begin anew/);
    await counters.count("run1", ["web"]);
    assert.match(lines.join(""), /counters not saved/);
    assert.equal(counters.counts.all, 1);
  });

  it("begin with the process, and touch no file, without SAVE_COUNTERS", async () => {
    await (await opened("2026-01-01T00:00:00Z", false)).count("run1", ["web"]);
    assert.deepEqual(await readdir(dataDir), []);
    assert.equal((await opened("2026-01-01T00:00:00Z", false)).counts.all, 0);
  });
});
