// What a user reads in the log of the program: nothing that was given is ignored in silence.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { engine, hubControl } from "../bed/bed.ts";
import { unreadableLines } from "../support/log-lines.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { createInstance } from "../support/ouroboros-instance.ts";

const h1 = engine(1);

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly containers?: unknown;
}
const linesOf = (log: string): Line[] =>
  log
    .trim()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);

describe("the log of a first start", () => {
  afterEach(() => h1.clean());

  it("warns of what is not read, and says what it is going to do before it does it", async () => {
    await deploy(h1, "web", {
      create: { Labels: { "com.ouroboros.enable": "true", "com.ouroboros.dependson": "db" } },
    });
    await deploy(h1, "api", { create: { Labels: { "com.ouroboros.check": "htp://container:80/" } } });
    await deploy(h1, "idle");
    await h1.docker.getContainer("idle").pause();
    await release("apps/web", "2");
    await using one = await createInstance({
      INTERVALL: "60",
      INTERVAL: "5",
      IGNORE: "weeb,nobody",
      WATCHTOWER_CLEANUP: "true",
      FTP_PROXY: "http://proxy:1",
    });
    const first = one.start();
    assert.equal(await first.exited, 0, first.log());
    const lines = linesOf(first.log());
    const warned = lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);
    const expected = [
      /^INTERVALL is no setting and is not read; did you mean INTERVAL\?$/,
      /^IGNORE has a comma, which is read as a blank/,
      /^INTERVAL 5 is too short: 30 s is taken/,
      /^WATCHTOWER_CLEANUP is not read; set COMPAT_LABELS=watchtower/,
      /^label com\.ouroboros\.enable is not read: set LABEL_ENABLE=true/,
      /^label com\.ouroboros\.dependson is no label of Ouroboros; did you mean com\.ouroboros\.depends_on\?$/,
      /^left alone: its label com\.ouroboros\.check cannot be understood: htp:/,
      /^IGNORE names weeb, but there is no such container; did you mean web\?$/,
      /^IGNORE names nobody, but there is no such container: correct the name, or remove it$/,
    ];
    for (const pattern of expected)
      assert.equal(
        warned.filter((msg) => pattern.test(msg)).length,
        1,
        `${String(pattern)} in ${warned.join("\n")}`,
      );
    assert.doesNotMatch(first.log(), /FTP_PROXY/);
    const said = (pattern: RegExp): number => lines.findIndex(({ msg }) => pattern.test(msg));
    const announced = said(
      /^Ouroboros has never updated anything on this host: it is going to update web now; to watch only/,
    );
    assert.ok(announced >= 0 && announced < said(/^plan published$/), first.log());
    assert.deepEqual(lines[said(/^containers left alone$/)]?.containers, {
      "its label com.ouroboros.check cannot be understood": ["api"],
      paused: ["idle"],
    });
    assert.deepEqual(await overview(h1), ["api running 1", "idle paused 1", "web running 2"]);
    assert.deepEqual(unreadableLines(first.log()), []);
    const second = one.start();
    assert.equal(await second.exited, 0, second.log());
    assert.doesNotMatch(second.log(), /never updated anything/);
    assert.deepEqual(unreadableLines(second.log()), []);
  });

  it("does not come to be where a variable of watchtower's, or a near miss of ours, keeps containers from being updated", async () => {
    await using one = await createInstance({ WATCHTOWER_MONITOR_ONLY: "true" });
    const refused = one.start();
    assert.equal(await refused.exited, 1);
    assert.match(
      refused.stderrText(),
      /WATCHTOWER_MONITOR_ONLY keeps containers from being updated, and it is not read; set COMPAT_LABELS=watchtower/,
    );
    await using near = await createInstance({ MONITR_ONLY: "true" });
    const misspelt = near.start();
    assert.equal(await misspelt.exited, 1);
    assert.match(
      misspelt.stderrText(),
      /MONITR_ONLY is no setting and is not read, and MONITOR_ONLY keeps containers from being updated: write it so, or unset it/,
    );
    await deploy(h1, "web");
    await release("apps/web", "2");
    const understood = one.start({ COMPAT_LABELS: "watchtower" });
    assert.equal(await understood.exited, 0, understood.log());
    assert.doesNotMatch(understood.log(), /never updated anything/);
    assert.deepEqual(await overview(h1), ["web running 1"]);
  });

  it("is no success where no registry could be asked", async () => {
    await deploy(h1, "web", { image: "docker.io/library/said" });
    await using _away = await hubControl.faults([{ match: "(?:GET|HEAD) .*/manifests/", status: 404 }]);
    await using one = await createInstance();
    const blind = one.start();
    assert.equal(await blind.exited, 1, blind.log());
    assert.match(blind.log(), /no registry could be asked/);
    assert.doesNotMatch(blind.log(), /nothing due/);
  });
});
