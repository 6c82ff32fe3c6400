import assert from "node:assert/strict";
import type { CloudEvent } from "../../../shared/contract/messages.ts";
import { withUnknownFields } from "../../support/schemas.ts";
import { beforeUpdateEvent } from "./scene.ts";
import { type Stage, openStage } from "./stage.ts";

/** A script of each kind that answers with what it reads of today's fields. */
const scripts: Readonly<Record<string, string>> = {
  "1.py": `
import sys
print(old_container.name, old_image.short_id, new_image.tags, old_container.labels["tier"], old_container.attrs["Config"]["Image"])
refuse(f"python sees {old_container.name}")
`,
  "2.mjs": `
export default ({ data }) => ({ verdict: "refuse", reason: "node sees " + data.old_container.name });
`,
  "3.sh": `#!/bin/sh
echo "shell sees $(jq -r .data.old_container.name) of $OUROBOROS_CONTAINER_NAME" >&2
exit 1
`,
};

describe("hook scripts that know only today's fields", () => {
  let stage: Stage;
  afterEach(() => stage[Symbol.asyncDispose]());

  it("go on working when fields are added at every level of an event", async () => {
    stage = await openStage();
    await stage.makeConsumer();
    for (const [name, text] of Object.entries(scripts)) await stage.folder.put(`before_update/${name}`, text);
    await using executor = stage.start();
    const event = withUnknownFields(beforeUpdateEvent()) as CloudEvent;
    assert.ok((JSON.stringify(event).match(/added_later/g)?.length ?? 0) > 5);
    await stage.publish(event);
    const { verdict, reason = "" } = await stage.verdictOn(event);
    assert.equal(verdict, "refuse", executor.output());
    for (const says of [/python sees app/, /node sees app/, /shell sees app of app/])
      assert.match(reason, says);
    await stage.settled();
  });
});
