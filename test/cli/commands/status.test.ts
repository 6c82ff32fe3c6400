// What a host notes of itself, as `ouroboros status` shows it.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Status } from "../../../cli/output/output-schemas.ts";
import { iso, systemClock } from "../../../shared/clock.ts";
import { engine, hubControl, pushApp } from "../../bed/bed.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { HOST, type Stage, eventually, openStage, runApp, startPoller } from "../../services/poller/stage.ts";

const run = (stage: Stage, ...words: string[]) =>
  runOperatorCommand({ NATS_URL: stage.server.url }, ["status", ...words]);

describe("ouroboros status", () => {
  it("shows how many more requests a registry allows, and what a registry failed at", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await runApp(h1, "web", (await pushApp("docker.io/library/status", "1")).reference);
    await using _poller = startPoller(h1, stage.server, {});
    const budget = await eventually("a cycle is noted", async () => {
      const { out } = await run(stage, "-o", "json");
      return Status.parse(JSON.parse(out)).hosts[0]?.budgets["docker.io"];
    });
    const { out } = await run(stage);
    assert.match(out, /^HOST +REGISTRY +REQUESTS LEFT +PER +SAID$/m);
    assert.ok(out.includes(`docker.io  ${budget.remaining} of ${budget.limit}`), out);
    assert.match(out, /\n1 host, in trouble; Ouroboros \d\S+\n$/); // nobody updates here

    await using _fault = await hubControl.faults([{ match: "library/status/manifests", status: 401 }]);
    await stage.check();
    const { code, out: trouble } = await run(stage, "--trouble");
    assert.equal(code, 1);
    assert.match(
      trouble,
      /^web-01\.example: no updater acts on it: start the updater\nweb-01\.example: no digest for web: docker\.io denies access .*`docker login docker\.io`.*\n1 host, in trouble; .*\n$/,
    );
    const { hosts } = Status.parse(JSON.parse((await run(stage, "--trouble", "-o", "json")).out));
    assert.deepEqual(
      hosts.map(({ host, registry_failures: [failure] }) => [host, failure?.containers]),
      [[HOST, ["web"]]],
    );
  });

  it("counts 200 hosts in its last line, and asks them side by side", async () => {
    await using stage = await openStage();
    await stage.makeTopology();
    const none = await run(stage, "--trouble");
    assert.deepEqual([none.code, none.out], [1, "No host yet: no poller and no updater has started.\n"]);
    const now = iso(systemClock.now());
    for (let n = 0; n < 200; n += 1)
      await stage.hosts.put(
        `h${n}`,
        JSON.stringify({
          ...{ engine_id: `E${n}`, versions: { ouroboros: n === 7 ? "1.9.0" : "2.0.0", api: "1.41" } },
          ...{ last_seen: now, last_poll: null, last_plan: null },
        }),
      );
    const began = systemClock.monotonic();
    const { code, out } = await run(stage, "--trouble");
    assert.ok(systemClock.monotonic() - began < 5000);
    const lines = out.trimEnd().split("\n");
    assert.deepEqual(
      [code, lines.length, lines.at(-1)],
      [1, 201, "200 hosts, 200 of them in trouble; Ouroboros 2.0.0 on 199, 1.9.0 on 1"],
    );
    const { out: one } = await run(stage, "--trouble", "--host", "h7");
    assert.match(
      one,
      /^h7: neither a poller nor an updater answers, seen (?:now|\d+ s ago).*\n1 host, in trouble; Ouroboros 1\.9\.0\n$/,
    );
  });
});
