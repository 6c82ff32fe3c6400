// A service whose UpdateConfig starts the new task first answers throughout its update. Measured at its name on an overlay
// network, and at a port that its nodes publish themselves (`mode=host`), each request with a connection of its own.
// swarm-ingress.full-test.ts does the same at a port on the ingress network.
import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { pull, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { type Swarm, addressOf, formSwarm } from "../support/swarm.ts";
import { until } from "../support/until.ts";

const [h1, h3] = [engine(1), engine(3)];
const SECOND = 1e9;
const REQUESTS = 1000;

/** Asks one time after the other; prints how many requests there were, and how many of them failed. */
const ASK = `n=0; failed=0
while :; do
  n=$((n + 1)); wget -q -O /dev/null http://web:8080/ || failed=$((failed + 1)); echo "$n $failed"
done`;

interface Count {
  readonly requests: number;
  readonly failed: number;
}

async function startClient(
  network: string,
): Promise<{ readonly count: () => Promise<Count> } & AsyncDisposable> {
  const { reference } = await release("apps/client", "1", { cmd: ASK });
  await pull(h1, reference);
  const client = await h1.docker.createContainer({
    name: "client",
    Image: reference,
    Tty: true,
    HostConfig: { NetworkMode: network },
  });
  await client.start();
  return {
    count: async () => {
      const log = await client.logs({ stdout: true, stderr: true, tail: 1 });
      const [requests = 0, failed = 0] = log.toString().trim().split(" ").map(Number);
      return { requests, failed };
    },
    [Symbol.asyncDispose]: () => client.remove({ force: true }),
  };
}

/** Asks one after the other, as a load balancer before the two nodes does: where the first does not answer, the second. */
class FailoverClient {
  requests = 0;
  failed = 0;

  async askUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isAnswered = (await answers(addressOf(h1))) || (await answers(addressOf(h3)));
      this.requests += 1;
      if (!isAnswered) this.failed += 1;
    }
  }
}

const PORT = 18_080;

const answers = (host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get({ host, port: PORT, agent: false, timeout: 2000 }, (response) => {
      response.on("end", () => resolve(response.statusCode === 200));
      response.on("error", () => resolve(false));
      response.resume();
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });

describe("a service that starts its new task first", () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await formSwarm([h1, h3]);
    await h1.docker.createNetwork({ Name: "front", Driver: "overlay", Attachable: true });
  });
  after(() => swarm[Symbol.asyncDispose]());

  it(`answers each of ${REQUESTS} requests during its update`, async () => {
    const healthy = { health: "wget -q -O /dev/null http://127.0.0.1:8080/" };
    await swarm.deploy("web", {
      imageOptions: healthy,
      task: { Networks: [{ Target: "front" }] },
      spec: {
        Mode: { Replicated: { Replicas: 3 } },
        EndpointSpec: { Mode: "dnsrr" },
        UpdateConfig: {
          ...{ Order: "start-first", Parallelism: 1, FailureAction: "pause" },
          ...{ Monitor: SECOND, Delay: 10 * SECOND },
        },
      },
    });
    await until("three tasks run", async () => (await swarm.running("web")).length === 3);
    await using client = await startClient("front");
    await until("it answers", async () => {
      const first = await client.count();
      return first.requests > first.failed;
    });
    await using stack = await startStack({ engine: h1, env: { SWARM: "true" } });
    await stack.check();
    const { digest } = await release("apps/web", "2", healthy);
    const before = await client.count();
    await stack.check();
    await stack.expectResult("web", "updated");
    const now = await client.count();
    assert.deepEqual(await swarm.running("web"), [digest, digest, digest]);
    assert.equal(now.failed - before.failed, 0);
    assert.ok(now.requests - before.requests >= REQUESTS, `${now.requests - before.requests} requests`);
    await h1.docker.getService("web").remove();
  });

  it(`answers each of ${REQUESTS} requests at a port that its nodes publish, on one node or the other`, async () => {
    const healthy = { health: "wget -q -O /dev/null http://127.0.0.1:8080/" };
    await swarm.deploy("one", {
      imageOptions: healthy,
      spec: {
        EndpointSpec: {
          Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishedPort: PORT, PublishMode: "host" }],
        },
        UpdateConfig: {
          ...{ Order: "start-first", Parallelism: 1, FailureAction: "pause" },
          ...{ Monitor: 20 * SECOND },
        },
      },
    });
    const isThere = async () => (await answers(addressOf(h1))) || (await answers(addressOf(h3)));
    await until("it answers", isThere);
    await using stack = await startStack({ engine: h1, env: { SWARM: "true" } });
    await stack.check();
    const { digest } = await release("apps/one", "2", healthy);
    const client = new FailoverClient();
    const over = new AbortController();
    const asking = client.askUntil(over.signal);
    await stack.check();
    await stack.expectResult("one", "updated");
    over.abort();
    await asking;
    assert.deepEqual(await swarm.running("one"), [digest]);
    assert.equal(client.failed, 0);
    assert.ok(client.requests >= REQUESTS, `${client.requests} requests`);
  });
});
