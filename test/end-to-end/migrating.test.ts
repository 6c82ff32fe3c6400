/** docs/migrating-from-*.md: their compose files come up as they are written there, on a real Engine, and update. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { bed, engine, engineSocket } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { checkout } from "../support/checkout.ts";
import { buildOuroborosImage } from "../support/ouroboros-image.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const image = "ghcr.io/ouroboros-updater/ouroboros:2";
const host = engine(1);

describe("who comes from another updater", function () {
  this.timeout(600_000);
  let folder = "";
  const compose = (...args: string[]) =>
    run("docker", ["compose", "--project-name", "moved", ...args], folder);

  before(() => buildOuroborosImage(image));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "moved-"));
  });
  afterEach(async () => {
    await compose("down", "--volumes", "--timeout", "20");
    await run("docker", ["rm", "--force", "web", "postgres"]);
    await rm(folder, { recursive: true, force: true });
  });
  after(() => host.clean());

  it("from Ouroboros 1 changes the image, and an unchanged Python hook is run", async () => {
    const page = await pageOf("migrating-from-ouroboros.md");
    await write("compose.yaml", blockOf(page, "yaml"));
    await write("hooks/before_update/save.py", blockOf(page, "python"));
    await deploy(host, "web", { create: { HostConfig: { Binds: ["webdata:/data"] } } });
    await deploy(host, "postgres");
    for (const name of ["web", "postgres"]) await release(`apps/${name}`, "2");
    await compose("up", "-d");
    await shows(["postgres running 1", "web running 2"]);
    assert.equal(await run("docker", ["exec", "web", "cat", "/data/before"]), "1");
    assert.match(await compose("logs", "ouroboros"), / : INFO : save : saved web: \[/);
  });

  itInFullRun(
    "from Ouroboros 1 with notifications, metrics and credentials changes no more than the image",
    async () => {
      await using receiver = await receive();
      const yaml = blockOf(await pageOf("migrating-from-ouroboros.md"), "yaml")
        .replace(
          "SKIP_STARTUP_NOTIFICATIONS=true",
          `NOTIFIERS=json://${bed().net}.1:${receiver.port}/planted-token`,
        )
        .replace("REPO_USER=", "REPO_USER=someone")
        .replace("REPO_PASS=", "REPO_PASS=planted-password")
        .replace(/^( +)environment:\n/m, "$&$1  - DATA_EXPORT=prometheus\n$1  - PROMETHEUS_ADDR=0.0.0.0\n")
        .replace(/^( +)restart:/m, '$1ports: ["8000:8000"]\n$&');
      await write("compose.yaml", yaml);
      await mkdir(join(folder, "hooks"));
      await deploy(host, "web");
      await release("apps/web", "2");
      await compose("up", "-d");
      await shows(["web running 2"]);
      await until("both messages arrive", () => receiver.titles.length >= 2);
      assert.deepEqual(receiver.titles, ["Ouroboros has started", "Ouroboros has updated containers!"]);
      const metrics = await fetch(`http://${bed().net}.11:8000/metrics`).then((answer) => answer.text());
      assert.match(metrics, /^containers_updated_total\{socket="[^"]+",container="web"\} 1$/m);
      assert.doesNotMatch(await compose("logs", "ouroboros"), /planted/);
    },
  );

  it("from watchtower names it in COMPAT_LABELS, and the labels go on working", async () => {
    const yaml = blockOf(await pageOf("migrating-from-watchtower.md"), "yaml");
    await write("compose.yaml", yaml.replace(/image: (?=[a-z]+\n)/g, "image: registry.lab:5000/apps/"));
    for (const name of ["web", "worker", "db"]) await release(`apps/${name}`, "1");
    await compose("up", "-d", "--pull", "always", "web", "worker", "db");
    const startOfWorker = () => run("docker", ["inspect", "-f", "{{.State.StartedAt}}", "worker"]);
    const before = await startOfWorker();
    for (const name of ["web", "db"]) await release(`apps/${name}`, "2");
    await compose("up", "-d", "ouroboros");
    await shows(["db running 1", "web running 2", "worker running 1"]);
    assert.equal(await run("docker", ["exec", "web", "cat", "/data/before", "/data/after"]), "1\n2");
    assert.notEqual(await startOfWorker(), before, "it was stopped while web was replaced");
  });

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  /** Waits for the end of the run; then the containers beside Ouroboros are these. */
  async function shows(expected: readonly string[]): Promise<void> {
    const log = () => compose("logs", "ouroboros");
    const isOver = async () => (await log()).includes('"msg":"run finished"');
    await until("the run is over", isOver, { within: 240_000 }).catch(async (error: unknown) => {
      throw new Error(await log(), { cause: error });
    });
    const others = (await overview(host)).filter((one) => !one.includes("ouroboros"));
    assert.deepEqual(others, expected);
  }
});

/** An endpoint that containers of the host reach: the bed's own network alone leads to it. */
async function receive() {
  const titles: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      titles.push((JSON.parse(body) as { title: string }).title);
      response.writeHead(200).end();
    });
  }).listen(0, `${bed().net}.1`);
  await once(server, "listening");
  return {
    titles,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const pageOf = (name: string): Promise<string> => readFile(join(checkout, "docs", name), "utf8");

/** The page's first block in that language. */
function blockOf(page: string, language: string): string {
  const [, text] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page) ?? [];
  assert.ok(text !== undefined, `the page has a block of ${language}`);
  return text;
}

async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: `unix://${engineSocket(1)}` };
  return (await promisify(execFile)(program, args, { cwd, env, maxBuffer: 16 << 20 })).stdout.trim();
}
