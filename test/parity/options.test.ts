import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { labels } from "../../shared/settings/labels.ts";
import { readFlags, readSettings } from "../../shared/settings/read-settings.ts";
import { type Setting, type SettingName, type Settings, settings } from "../../shared/settings/settings.ts";
import { labels as theirLabels } from "./labels.ts";
import { type Option, idle, options } from "./options.ts";

const rows: readonly [SettingName, Option, Setting][] = Object.entries<Option>(options).map(
  ([name, option]) => [name as SettingName, option, settings[name as SettingName]],
);

/** What the program makes of it. */
const read = (name: SettingName, env: NodeJS.ProcessEnv, args: readonly string[] = []): unknown =>
  readSettings(env, readFlags(args))[name];

/** The value of the table's reader, as a start would give it. */
const meaning = (name: SettingName, text: string): unknown => (settings[name] as Setting).read.parse(text);

describe("the settings", () => {
  for (const [name, { flags, byDefault, other, switches }, setting] of rows)
    it(`take ${name} as Ouroboros does: its flags, its default, the environment before the flag`, async () => {
      assert.deepEqual([...(setting.flags ?? [])].sort(), [...flags].sort(), "its flags and no other");
      const ours = read(name, {});
      if (name !== "DOCKER_SOCKETS") assert.deepEqual(ours, meaning(name, byDefault), "the default");
      assert.deepEqual(setting.read.parse(setting.byDefault ?? ""), setting.read.parse(byDefault));
      assert.notDeepEqual(meaning(name, other), ours, "another value means something else");
      assert.deepEqual(read(name, { [name]: other }), meaning(name, other), "by environment");
      for (const flag of flags) {
        const words = switches === undefined ? other.split(name === "CRON" ? "\n" : " ") : [];
        const given = switches ?? other;
        assert.deepEqual(read(name, {}, [flag, ...words]), meaning(name, given), flag);
        assert.deepEqual(
          read(name, { [name]: byDefault || "none" }, [flag, ...words]),
          meaningOfOff(name, byDefault),
          `${flag} and the environment`,
        );
      }
      const folder = await mkdtemp(join(tmpdir(), "option-"));
      try {
        await writeFile(join(folder, "value"), `${other}\n`);
        assert.deepEqual(
          read(name, { [`${name}_FILE`]: join(folder, "value") }),
          meaning(name, other),
          "by file",
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    });

  it("pass over what Ouroboros lists but never reads", () => {
    for (const name of idle)
      assert.deepEqual(readSettings({ [name]: "x" }, new Map()), readSettings({}, new Map()));
  });

  it("raise an INTERVAL below 30, and read DRY_RUN, MONITOR and lists as Ouroboros does", () => {
    const given = readSettings({ INTERVAL: "5", MONITOR: '"web db"', IGNORE: " 'db' " }, new Map());
    const { INTERVAL, MONITOR, IGNORE }: Settings = given;
    assert.deepEqual(
      { INTERVAL, MONITOR, IGNORE },
      { INTERVAL: 30_000, MONITOR: ["web", "db"], IGNORE: ["db"] },
    );
  });
});

/** Where the default is nothing, the environment can only be given as some other word. */
const meaningOfOff = (name: SettingName, byDefault: string): unknown => meaning(name, byDefault || "none");

describe("the container labels", () => {
  it("are Ouroboros', and our own", () => {
    assert.deepEqual(
      theirLabels.filter((label) => !Object.hasOwn(labels, label)),
      [],
    );
  });
});
