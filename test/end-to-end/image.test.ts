/** The image as a process of its machine: confined, as somebody else than root, healthy, ended, and for another machine. */
import assert from "node:assert/strict";
import { bedCommand, engine, pushApp } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { buildByDockerfile, buildOuroborosImage, docker } from "../support/ouroboros-image.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const IMAGE = "ouroboros-as-built";
const host = engine(1);
const SOMEBODY = "4321";
/** Without a group of its own a user is in the group 0, which may be the socket's. */
const USER = `${SOMEBODY}:${SOMEBODY}`;
const SOCKET = "/var/run/docker.sock";
const within = 240_000;

describe("the image", function () {
  this.timeout(600_000);

  before(() => buildOuroborosImage(IMAGE));
  afterEach(async () => {
    await docker("rm", "--force", "--volumes", "ouroboros", "web");
    await docker("volume", "prune", "--all", "--force");
  });
  after(() => host.clean());

  it("works as a user with the socket's group, on a read-only root, without rights", async () => {
    const group = await bedCommand("on", "1", "stat", "-c", "%g", SOCKET);
    await deploy(host, "web");
    await release("apps/web", "2");
    await run("--user", USER, "--group-add", group, "-v", "ouroboros-data:/data");
    await healthy();
    await until("web is updated", async () => (await overview(host)).includes("web running 2") || undefined, {
      within,
    });
    const facts = await inside(
      "sh",
      "-c",
      "id -u; touch /app/x 2>&1; grep -E 'CapEff|NoNewPrivs' /proc/1/status",
    );
    assert.match(facts, /^4321\n.*Read-only file system\nCapEff:\t0+\nNoNewPrivs:\t1$/);
  });

  itInFullRun("finds that user's own socket in XDG_RUNTIME_DIR, as rootless Docker has it", async () => {
    const group = await bedCommand("on", "1", "stat", "-c", "%g", SOCKET);
    const own = `/run/user/${SOMEBODY}`;
    const mine = ["--user", USER, "--group-add", group, "-e", `XDG_RUNTIME_DIR=${own}`];
    await deploy(host, "web");
    await release("apps/web", "2");
    await runWith(`${own}/docker.sock`, ...mine);
    await until("web is updated", async () => (await overview(host)).includes("web running 2") || undefined, {
      within,
    });
    assert.doesNotMatch(await docker("logs", "ouroboros"), /"level":"(?:warn|error)".*docker\.sock/);
  });

  it("says what to do where that user may not use the socket", async () => {
    await run("--user", USER);
    const said = await until(
      "it says so",
      async () => (await docker("logs", "ouroboros")).split("\n").find((line) => line.includes("EACCES")),
      { within },
    );
    assert.match(
      said,
      /"socket":"unix:\/\/\/var\/run\/docker\.sock".*Engine does not answer; waiting for it/,
    );
    assert.match(await inside("ouroboros", "healthcheck").catch(String), /"status":"not ready"/);
  });

  it("answers /healthz and /readyz, on its own loopback alone", async () => {
    await run();
    await healthy();
    const ask = (path: string): Promise<string> =>
      inside(
        "node",
        "-e",
        `fetch("http://127.0.0.1:9464${path}").then(async (it) => console.log(it.status, await it.text()))`,
      );
    assert.equal(await ask("/healthz"), '200 {"status":"alive"}');
    assert.equal(await ask("/readyz"), '200 {"status":"ready"}');
    const address = await docker(
      "inspect",
      "--format",
      "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
      "ouroboros",
    );
    await assert.rejects(bedCommand("on", "1", "wget", "-q", "-O", "-", `http://${address}:9464/healthz`));
  });

  it("ends with 0 at SIGTERM, within its grace", async () => {
    await run();
    await healthy();
    await docker("stop", "--time", "60", "ouroboros");
    assert.equal(await docker("inspect", "--format", "{{.State.ExitCode}}", "ouroboros"), "0");
    assert.match(await docker("logs", "ouroboros"), /"because":"SIGTERM","code":0,"msg":"stopped"\}$/);
  });

  itInFullRun("keeps no zombies of what scripts leave behind", async () => {
    await run();
    await healthy();
    await inside("sh", "-c", "(sleep 0.2; exit 3) & exit 0");
    const states = "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | cut -c1 | sort | uniq -c";
    const orphans = "cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^sleep$' || true";
    await until("the orphan has ended", async () => (await inside("sh", "-c", orphans)) === "0" || undefined);
    await until(
      "nobody is a zombie",
      async () => !/ Z$/m.test(await inside("sh", "-c", states)) || undefined,
    );
  });

  it("says what it is", async () => {
    const labels = JSON.parse(
      await docker("inspect", "--format", "{{json .Config.Labels}}", IMAGE),
    ) as object;
    const standard = ["title", "description", "licenses", "source", "documentation", "version", "revision"];
    for (const name of standard) assert.ok(`org.opencontainers.image.${name}` in labels, name);
  });

  itInFullRun("is built for arm64 too, where nothing of it can be run", async () => {
    const { reference } = await pushApp("arm64-base", "1", { platforms: ["linux/amd64", "linux/arm64/v8"] });
    const arm = "ouroboros-for-arm64";
    await buildByDockerfile(arm, { platform: "linux/arm64", system: reference });
    const format = "{{.Os}}/{{.Architecture}} {{json .Config.Entrypoint}}";
    const native = await docker("inspect", "--format", format, IMAGE);
    assert.equal(await docker("inspect", "--format", format, arm), native.replace("amd64", "arm64"));
    assert.deepEqual(await ownFiles(arm), await ownFiles(IMAGE));
  });

  const inside = (...words: string[]): Promise<string> => docker("exec", "ouroboros", ...words);

  const run = (...more: readonly string[]): Promise<void> => runWith(SOCKET, ...more);

  /** `at`: where the container has the Engine's socket. */
  async function runWith(at: string, ...more: readonly string[]): Promise<void> {
    const confined = [
      "--read-only",
      "--cap-drop",
      "ALL",
      "--security-opt",
      "no-new-privileges",
      "--tmpfs",
      "/tmp",
    ];
    const mine = ["-v", `${SOCKET}:${at}`, "-e", "SETTLE_TIME=1", "-e", "OUROBOROS_HOST=home"];
    const words = ["--name", "ouroboros", "--health-interval", "1s", ...confined, ...mine, ...more, IMAGE];
    await docker("run", "-d", ...words);
  }
  const healthy = () =>
    until(
      "it is healthy",
      async () =>
        (await docker("inspect", "--format", "{{.State.Health.Status}}", "ouroboros")) === "healthy",
      { within },
    );
});

/** What the image puts beside the packages, with rights and links, as an archive of the container tells it. */
async function ownFiles(image: string): Promise<readonly string[]> {
  const id = await docker("create", "--name", "ouroboros", image);
  const list = await bedCommand(
    "on",
    "1",
    "sh",
    "-c",
    `docker export "$0" | tar -tv | awk '{print $1, $6, $7, $8}' | grep -E ' (app|hooks|data|usr/local/bin/ouroboros)(/| |$)' | sort`,
    id,
  );
  await docker("rm", "--force", "--volumes", id);
  return list.split("\n");
}
