import assert from "node:assert/strict";
import { type Engine, engine, hubControl, pushApp } from "../../bed/bed.ts";
import { hostRecord, openStage, runApp, startPoller } from "./stage.ts";

const ANN = { REPO_USER: "ann", REPO_PASS: "secret" };

async function runPrivate(host: Engine, name: string, reference: string): Promise<void> {
  const authconfig = { username: "ann", password: "secret" };
  const pulling = await host.docker.pull(reference, { authconfig });
  await new Promise((resolve, reject) =>
    host.docker.modem.followProgress(pulling, (error, output) => (error ? reject(error) : resolve(output))),
  );
  await (await host.docker.createContainer({ name, Image: reference })).start();
}

describe("REPO_USER without REPO_REGISTRY", () => {
  it("is for the one registry that refuses to be asked without, and is sent to no other", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const open = await pushApp("quay.io/acme/bound-open", "1");
    const closed = await pushApp("ghcr.io/acme/private/bound", "1");
    await runApp(h1, "open", open.reference);
    await runPrivate(h1, "closed", closed.reference);
    await hubControl.clearLog();
    await using poller = startPoller(h1, stage.server, { ...ANN, RUN_ONCE: "true" });
    assert.equal(await poller.ended, 0);
    const bound = (await hostRecord(stage))?.credentials_bound;
    assert.deepEqual(bound, { registry: "ghcr.io", user: "ann" });
    const told = (await hubControl.log()).filter(({ user }) => user === "ann");
    assert.deepEqual([...new Set(told.map(({ host }) => host))], ["ghcr.io"]);
    const [ended] = poller.log.filter(({ msg }) => msg === "cycle ended");
    assert.equal(ended?.["unanswered"], 0);
  });

  it("is for none of several, says what to set, and the cycle does not end as if all were well", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    for (const registry of ["ghcr.io", "quay.io"]) {
      const { reference } = await pushApp(`${registry}/acme/private/several`, "1");
      await runPrivate(h1, registry.replace(".", "-"), reference);
    }
    await hubControl.clearLog();
    await using poller = startPoller(h1, stage.server, { ...ANN, RUN_ONCE: "true" });
    assert.equal(await poller.ended, 1);
    assert.equal((await hostRecord(stage))?.credentials_bound, undefined);
    assert.ok((await hubControl.log()).every(({ user }) => user === null));
    const warned = poller.log.find(({ msg }) => msg === "credentials are for no registry");
    assert.match(warned?.because ?? "", /ghcr\.io, quay\.io refuse .*: set REPO_REGISTRY to the registry/);
    assert.ok(poller.log.some(({ msg }) => msg === "cycle ended: no registry could be asked"));
  });
});
