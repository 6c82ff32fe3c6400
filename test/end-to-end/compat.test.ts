// Labels of watchtower and What's Up Docker on a real Engine.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { bedCommand, engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const WATCHTOWER = "com.centurylinklabs.watchtower";
const log = (name: string) => bedCommand("docker", "1", "exec", name, "cat", "/out/log");

/** Writes down which signal ended it. */
const Cmd = [
  "sh",
  "-c",
  'for s in INT TERM; do trap "echo $s >> /out/log; exit 0" $s; done; while :; do sleep 0.1; done',
];

describe("labels of other updaters", () => {
  it("are followed: who is watched, who is stopped with whom and how, and what is run inside", async () => {
    await using h1 = engine(1);
    const asks = { [`${WATCHTOWER}.lifecycle.pre-update`]: "exit 75" };
    const broken = { [`${WATCHTOWER}.lifecycle.pre-update`]: "echo full; exit 3", "wud.watch": "true" };
    const hooked = {
      [`${WATCHTOWER}.stop-signal`]: "SIGINT",
      [`${WATCHTOWER}.lifecycle.pre-update`]: "echo pre $VERSION >> /out/log",
      [`${WATCHTOWER}.lifecycle.post-update`]: "echo post $VERSION >> /out/log",
    };
    const labelled = (Labels: Record<string, string>) => ({ create: { Labels } });
    await deploy(h1, "web", { create: { Labels: hooked, Cmd, HostConfig: { Binds: ["out:/out"] } } });
    await deploy(
      h1,
      "api",
      labelled({ [`${WATCHTOWER}.depends-on`]: "web", [`${WATCHTOWER}.enable`]: "false" }),
    );
    await deploy(h1, "seen", labelled({ [`${WATCHTOWER}.monitor-only`]: "true" }));
    await deploy(h1, "wud", labelled({ "wud.watch": "false" }));
    await deploy(h1, "asks", labelled(asks));
    await deploy(h1, "broken", labelled(broken));
    for (const name of ["web", "api", "seen", "wud", "asks", "broken"]) await release(`apps/${name}`, "2");
    await using stack = await startStack({ engine: h1, env: { COMPAT_LABELS: "watchtower wud" } });
    const report = (await stack.check()) as { left: { container: string; because: string }[] };
    assert.deepEqual(report.left.map(({ container, because }) => `${container}: ${because}`).sort(), [
      `api: its label ${WATCHTOWER}.enable says no`,
      `seen: only monitored: a newer image is there, but its label ${WATCHTOWER}.monitor-only says not to update it`,
      "wud: its label wud.watch says no",
    ]);
    await stack.expectResult("web", "updated");
    await stack.expectResult("broken", "updated");
    const put = await stack.awaitResult("asks");
    assert.deepEqual(
      [put.end, put.because],
      ["deferred", "its command pre-update asked to wait (exit code 75): no output"],
    );
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(h1), [
      "api running 1",
      "asks running 1",
      "broken running 2",
      "seen running 1",
      "web running 2",
      "wud running 1",
    ]);
    assert.equal(await log("web"), "pre 1\nINT\npost 2");
    assert.ok(stack.heard().includes("before_stop_depends_container api"), "who needs web is stopped first");
    const order = stack.heard().filter((one) => /web|api/.test(one));
    assert.ok(
      order.indexOf("before_stop_depends_container api") < order.indexOf("before_update web"),
      order.join(),
    );
    assert.match(stack.services.updater?.log() ?? "", /"code":3,"said":"full"[^\n]*lifecycle command failed/);
  });

  it("only protect where COMPAT_LABELS does not name their owner; com.ouroboros.stop_signal always counts", async () => {
    await using h1 = engine(1);
    const Labels = {
      [`${WATCHTOWER}.stop-signal`]: "SIGTERM",
      "com.ouroboros.stop_signal": "SIGINT",
    };
    await deploy(h1, "web", { create: { Labels, Cmd, HostConfig: { Binds: ["out:/out"] } } });
    await deploy(h1, "db", { create: { Labels: { [`${WATCHTOWER}.enable`]: "false" } } });
    await release("apps/web", "2");
    await release("apps/db", "2");
    await using stack = await startStack({ engine: h1 });
    const { left } = (await stack.check()) as { left: { container: string; because: string }[] };
    assert.match(
      left.find(({ container }) => container === "db")?.because ?? "",
      /keeps watchtower from updating it/,
    );
    await stack.expectResult("web", "updated");
    assert.equal(await log("web"), "INT");
    assert.ok((await overview(h1)).includes("db running 1"));
  });
});
