import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { openEngine } from "../../../../shared/docker/engine.ts";
import { renameContainer } from "../../../../services/updater/containers/rename-container.ts";
import { engine } from "../../../bed/bed.ts";
import { deploy, overview } from "../../../support/containers.ts";
import { startEngineProxy } from "../../../support/engine-proxy.ts";

const h1 = engine(1);
/** As an Engine says it of a container that ended since it looked whether it runs. */
const BETWEEN_LIVES = [404, "sandbox b4d83672021613a3043ddfb56d460d77 not found"] as const;

describe("giving a container another name", () => {
  afterEach(() => h1.clean());

  it("is tried again where it was between two lives", async () => {
    const id = await deploy(h1, "web");
    let asked = 0;
    await using proxy = await startEngineProxy(h1.socket, ({ url = "" }) =>
      url.includes("/rename") && ++asked <= 3 ? BETWEEN_LIVES : undefined,
    );
    await renameContainer(await openEngine(proxy.url, 10_000), id, "other");
    assert.equal(asked, 4);
    assert.deepEqual(await overview(h1), ["other running 1"]);
  });

  it("is not tried for ever, and not where something else is wrong", async () => {
    const id = await deploy(h1, "web");
    await deploy(h1, "other");
    let asked = 0;
    await using proxy = await startEngineProxy(h1.socket, ({ url = "" }) => {
      if (!url.includes("/rename")) return undefined;
      asked++;
      return url.includes("other") ? undefined : BETWEEN_LIVES;
    });
    const opened = await openEngine(proxy.url, 10_000);
    await assert.rejects(renameContainer(opened, id, "new"), /sandbox/);
    assert.equal(asked, 20);
    await assert.rejects(renameContainer(opened, id, "other"), /already in use/);
    assert.equal(asked, 21);
  });
});
