// A service at a port on the ingress network answers throughout its update, at each node. Such a port needs IPVS of the kernel.
// Where that is missing, the same test runs in user-mode-linux, a kernel that has it (`bed.sh uml`).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { get } from "node:http";
import { relative } from "node:path";
import { describe, it } from "mocha";
import { type Engine, bed, bedCommand, engine } from "../bed/bed.ts";
import { release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { addressOf, formSwarm } from "../support/swarm.ts";
import { until } from "../support/until.ts";

const SECOND = 1e9;
const REQUESTS = 1000;
const PORT = 18_081;
const UML_TIMEOUT = 1_800_000;

/** Answers for some seconds more once it is asked to stop, so that it answers what it has accepted. */
const DRAINING = 'httpd -f -p 8080 -h /www & trap "sleep 20; exit 0" TERM; wait';

const imageOptions = { cmd: DRAINING, health: "wget -q -O /dev/null http://127.0.0.1:8080/" };

/** Asks one time after the other, with a connection each. */
class Client {
  readonly failures: string[] = [];
  requests = 0;
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  async askUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const failure = await failureOf(this.#host);
      this.requests += 1;
      if (failure !== undefined) this.failures.push(`${this.#host}, request ${this.requests}: ${failure}`);
    }
  }
}

const failureOf = (host: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const request = get({ host, port: PORT, agent: false, timeout: 10_000 }, (response) => {
      response.on("end", () =>
        resolve(response.statusCode === 200 ? undefined : String(response.statusCode)),
      );
      response.on("error", (error) => resolve(error.message));
      response.resume();
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", (error) => resolve(error.message));
  });

async function updateUnderRequests(): Promise<void> {
  const [h1, h3] = [engine(1), engine(3)];
  await using swarm = await formSwarm([h1, h3]);
  await swarm.deploy("web", {
    imageOptions,
    container: { StopGracePeriod: 60 * SECOND },
    spec: {
      Mode: { Replicated: { Replicas: 3 } },
      EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishedPort: PORT }] },
      UpdateConfig: {
        ...{ Order: "start-first", Parallelism: 1, FailureAction: "pause" },
        ...{ Monitor: SECOND, Delay: 30 * SECOND },
      },
    },
  });
  await until("three tasks run", async () => (await swarm.running("web")).length === 3);
  for (const node of [h1, h3]) {
    await forwardIngress(node);
    await until(`${node.name} answers`, async () => (await failureOf(addressOf(node))) === undefined);
  }
  const clients = [h1, h3].map((node) => new Client(addressOf(node)));
  await using stack = await startStack({ engine: h1, env: { SWARM: "true" } });
  await stack.check();
  const { digest } = await release("apps/web", "2", imageOptions);
  const over = new AbortController();
  const asking = Promise.all(clients.map((client) => client.askUntil(over.signal)));
  await stack.check();
  await stack.expectResult("web", "updated");
  over.abort();
  await asking;
  const requests = clients.map((client) => client.requests);
  console.log(`      requests: ${requests.join(" and ")}`);
  assert.deepEqual(await swarm.running("web"), [digest, digest, digest]);
  assert.deepEqual(
    clients.flatMap(({ failures }) => failures),
    [],
  );
  assert.ok(requests.reduce((sum, one) => sum + one) >= REQUESTS, `${requests.join(" and ")} requests`);
}

/** The namespace of the ingress network forwards if the machine's first one did, where an Engine has it so, but not a bed. */
async function forwardIngress({ name }: Engine): Promise<void> {
  const inIngress = ["on", name.slice(1), "nsenter", "--net=/run/docker/netns/ingress_sbox"];
  await bedCommand(...inIngress, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
}

/** The Engine loads the module itself, but cannot say that there is none. */
async function hasIpvs(): Promise<boolean> {
  const isLoaded = () => existsSync("/proc/net/ip_vs");
  if (!isLoaded()) await endOf("sh", ["-c", "modprobe ip_vs 2> /dev/null"]);
  return isLoaded();
}

async function endOf(program: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

/** This file's tests, by a mocha in user-mode-linux, which prints what it has to say. */
async function runInUml(): Promise<void> {
  const mocha = [
    "--enable-source-maps",
    "node_modules/mocha/bin/mocha.js",
    "--timeout",
    String(UML_TIMEOUT),
    "--no-color",
  ];
  const file = relative(process.cwd(), import.meta.filename);
  const command = ["node", ...mocha, "--require", "./dist/test/bed/leaks.js", file];
  assert.equal(await endOf("bash", [bed().script, "uml", ...command]), 0, "it failed in user-mode-linux");
}

describe("a service at a port on the ingress network", () => {
  it(`answers each of ${REQUESTS} requests at one node and the other during its update`, async function () {
    if (await hasIpvs()) return updateUnderRequests();
    this.timeout(UML_TIMEOUT);
    await runInUml();
  });
});
