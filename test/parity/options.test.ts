import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { CannotStart } from "../../shared/errors.ts";
import { labels } from "../../shared/labels.ts";
import { type SettingName, readFlags, readSettings, settings } from "../../shared/settings.ts";
import { labels as theirLabels } from "./labels.ts";
import { options } from "./options.ts";

const isRead = (name: string): name is SettingName => Object.hasOwn(settings, name);

describe("the settings", () => {
  for (const [name, { flags, byDefault }] of Object.entries(options).filter(([option]) => isRead(option))) {
    it(`take ${name} as Ouroboros does, with its flags and its default`, () => {
      const setting = settings[name as SettingName];
      assert.deepEqual(setting.read.parse(setting.byDefault), setting.read.parse(byDefault));
      for (const flag of flags) assert.ok(readFlags([flag]).has(name), flag);
    });
  }

  for (const [name, { only = name }] of Object.entries(options).filter(([option]) => !isRead(option))) {
    it(`do not pass over ${name}: ${only} stops the start`, () => {
      assert.throws(
        () => readSettings({ [only]: "true" }, new Map()),
        (error) => error instanceof CannotStart && error.message.includes(`${only} is not supported`),
      );
    });
  }
});

describe("the container labels", () => {
  it("are Ouroboros', and our own", () => {
    assert.deepEqual(
      theirLabels.filter((label) => !Object.hasOwn(labels, label)),
      [],
    );
  });
});
