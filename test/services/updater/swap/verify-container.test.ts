import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type Docker from "dockerode";
import { pino } from "pino";
import {
  type VerificationOptions,
  makeVerificationOptions,
  verifyContainer,
} from "../../../../services/updater/swap/verify-container.ts";
import { readCheckLabel } from "../../../../shared/containers/check-label.ts";
import { systemClock } from "../../../../shared/clock.ts";
import { openEngine } from "../../../../shared/docker/engine.ts";
import { type ImageOptions, bed, engine } from "../../../bed/bed.ts";
import { deploy } from "../../../support/containers.ts";
import { until } from "../../../support/until.ts";

const h1 = engine(1);
const never = new AbortController().signal;

describe("proving a new container, on a real Engine", () => {
  afterEach(() => h1.clean());

  it("takes a healthy one, before the settling time", async () => {
    const id = await run({ health: "true" });
    assert.equal(await proven(id, { settleTime: 60_000 }), "proved");
  });

  it("takes one without a healthcheck after the settling time, not earlier", async () => {
    const id = await run({});
    const began = performance.now();
    assert.equal(await proven(id, { settleTime: 700 }), "proved");
    assert.ok(performance.now() - began >= 700);
  });

  it("refuses one that does not become healthy in time", async () => {
    const healthcheck = { Test: ["CMD-SHELL", "false"], Interval: 1e9, StartPeriod: 60e9 };
    const id = await run({ healthcheck });
    assert.equal(
      await proven(id, { healthTimeout: 500 }),
      "the new container did not become healthy within 0.5 s",
    );
  });

  it("refuses an unhealthy one at once, with what its healthcheck said", async () => {
    const id = await run({
      healthcheck: { Test: ["CMD-SHELL", "echo no database; false"], Interval: 2e8, Retries: 1 },
    });
    assert.match(await proven(id), /^the new container is unhealthy: no database/);
  });

  it("refuses one that exits, with its code", async () => {
    const id = await run({ cmd: "exit 3" });
    assert.equal(await proven(id), "the new container exited with code 3");
  });

  it("refuses one that exits in the settling time", async () => {
    const id = await run({ cmd: "sleep 0.5; exit 4" });
    assert.equal(await proven(id), "the new container exited with code 4");
  });

  for (const policy of ["no", "on-failure"])
    it(`takes a job that ends with 0 under restart: ${policy}, at once`, async () => {
      const id = await run({ cmd: "sleep 0.3" }, { RestartPolicy: { Name: policy } });
      assert.equal(await proven(id, { settleTime: 60_000 }), "proved");
    });

  it("takes a job with a healthcheck that ends before it is healthy", async () => {
    const healthcheck = { Test: ["CMD-SHELL", "false"], Interval: 1e9, StartPeriod: 60e9 };
    const id = await run({ cmd: "sleep 0.3", healthcheck });
    assert.equal(await proven(id, { healthTimeout: 60_000 }), "proved");
  });

  it("refuses one that ends with 0 and is restarted by its policy", async () => {
    const id = await run({ cmd: "sleep 0.3" }, { RestartPolicy: { Name: "always" } });
    assert.match(await proven(id), /^the new container exited (with code 0 )?and was restarted$/);
  });

  it("sees a crash loop under restart: always", async () => {
    const id = await run({ cmd: "sleep 0.3; exit 5" }, { RestartPolicy: { Name: "always" } });
    assert.match(await proven(id), /^the new container exited (with code 5 )?and was restarted$/);
  });

  it("sees a crash that its policy has mended before it looks", async () => {
    const cmd = "test -e /once && sleep 60; touch /once; exit 6";
    const id = await run({ cmd }, { RestartPolicy: { Name: "always" } });
    await until("it runs again", async () => {
      const { State, RestartCount } = await h1.docker.getContainer(id).inspect();
      return State.Running && RestartCount > 0;
    });
    assert.match(await proven(id), /^the new container exited (with code 6 )?and was restarted$/);
  });

  it("sees a restart between two looks that its policy had no part in", async () => {
    const id = await run({});
    const proving = proven(id);
    await systemClock.sleep(300);
    await h1.docker.getContainer(id).restart({ t: 0 });
    assert.match(await proving, /^the new container (was restarted|exited with code)/);
  });

  it("sees a service that somebody stops, and that ends with 0 as a job does", async () => {
    const id = await run({});
    const proving = proven(id);
    await systemClock.sleep(300);
    await h1.docker.getContainer(id).stop();
    assert.equal((await h1.docker.getContainer(id).inspect()).State.ExitCode, 0);
    assert.match(await proving, /^the new container exited with code 0/);
  });

  it("ends when the service must stop at once", async () => {
    const id = await run({});
    assert.equal(
      await proven(id, { hardStop: AbortSignal.timeout(200) }),
      "the new container was not proved before the updater had to stop",
    );
  });

  it("goes by the labels of the container it replaces; wrong ones are told once", async () => {
    const id = await run({
      labels: { "com.ouroboros.settle_time": "1s", "com.ouroboros.health_timeout": "soon" },
    });
    const lines: unknown[] = [];
    const old = await h1.docker.getContainer(id).inspect();
    const { check, ...proof } = makeVerificationOptions(
      old,
      { Id: old.Image },
      {
        settings: { HEALTH_TIMEOUT: 5000, SETTLE_TIME: 10_000 },
        log: pino({ base: {}, timestamp: false }, { write: (line) => void lines.push(JSON.parse(line)) }),
        hardStop: never,
      },
    );
    assert.deepEqual(proof, { healthTimeout: 5000, settleTime: 1000, hardStop: never });
    assert.deepEqual(check, { kind: "none" });
    assert.deepEqual(lines, [
      {
        level: 40,
        container: "web",
        label: "com.ouroboros.health_timeout",
        value: "soon",
        because: "allowed is a number of seconds, or a number with ms, s, m, h, d, w",
        msg: "label does not count as it is",
      },
    ]);
  });

  describe("with a check from outside", () => {
    it("takes a status below 400, in the container itself", async () => {
      const id = await runReachable({});
      assert.equal(await checked(id, "http://container:8080/"), "proved");
    });

    it("refuses a status from 400", async () => {
      const id = await runReachable({});
      const asked = "http://container:8080/nothing";
      assert.equal(await checked(id, asked), failure(asked, "HTTP status 404"));
    });

    it("refuses a port that nobody listens on", async () => {
      const id = await runReachable({});
      for (const asked of ["http://container:81/", "https://container:82/", "tcp://container:83"])
        assert.match(await checked(id, asked), new RegExp(`check ${asked} within 0\\.5 s: .*ECONNREFUSED`));
    });

    it("takes a TCP connection", async () => {
      const id = await runReachable({});
      assert.equal(await checked(id, "tcp://container:8080"), "proved");
    });

    it("asks the container whose network it shares", async () => {
      const parent = await runReachable({});
      const id = await run({ cmd: "sleep 60" }, { NetworkMode: `container:${parent}` }, "child");
      assert.equal(await checked(id, "tcp://container:8080"), "proved");
    });

    it("says that there is no address to ask", async () => {
      const id = await run({}, { NetworkMode: "none" });
      assert.match(await checked(id, "tcp://container:80"), /: it has no IP address of its own$/);
    });

    it("asks another host as it is, and tries until it passes", async () => {
      let asked = 0;
      await using server = await serve(() => (++asked < 3 ? 500 : 302));
      const id = await run({});
      assert.equal(await checked(id, server.url, { healthTimeout: 20_000 }), "proved");
      assert.equal(asked, 3);
    });

    it("says what came back at last", async () => {
      await using server = await serve(() => 500);
      const id = await run({});
      assert.equal(await checked(id, server.url), failure(server.url, "HTTP status 500"));
    });

    it("has as long as the health timeout, where it has a healthcheck", async () => {
      await using server = await serve(() => 503);
      const id = await run({ healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 2e8 } });
      assert.equal(
        await checked(id, server.url, { healthTimeout: 5000 }),
        failure(server.url, "HTTP status 503", 5),
      );
    });

    it("takes exit code 0 of a command, and tells the output of another", async () => {
      const id = await run({ env: ["COLOUR=blue"] });
      assert.equal(await checked(id, 'exec:test "$COLOUR" = blue'), "proved");
      const asked = "exec:echo one >&2; exit 7";
      assert.equal(await checked(id, asked), failure(asked, "exit code 7: one"));
    });

    it("gives one try five seconds", async () => {
      const id = await run({});
      const asked = "exec:sleep 30";
      const began = performance.now();
      assert.equal(await checked(id, asked), failure(asked, "no answer within 5 s"));
      assert.ok(performance.now() - began < 15_000);
    });

    it("refuses one that exits meanwhile", async () => {
      const id = await run({ cmd: "sleep 4; exit 8" });
      assert.equal(
        await checked(id, "exec:exit 1", { healthTimeout: 60_000 }),
        "the new container exited with code 8 while its check exec:exit 1 was tried",
      );
    });
  });
});

const failure = (asked: string, because: string, seconds = 0.5): string =>
  `the new container did not pass its check ${asked} within ${seconds} s: ${because}`;

const run = (image: ImageOptions, host: Docker.HostConfig = {}, name = "web"): Promise<string> =>
  deploy(h1, name, { imageOptions: image, create: { HostConfig: host } });

/** Host 1 lets nobody in to its bridges from outside; on a macvlan of the bed's network a container is one of its hosts. */
async function runReachable(image: ImageOptions): Promise<string> {
  const config = { Subnet: `${bed().net}.0/24`, IPRange: `${bed().net}.192/27` };
  await h1.docker.createNetwork({
    Name: "lab",
    Driver: "macvlan",
    Options: { parent: "eth0" },
    IPAM: { Config: [config] },
  });
  const id = await run(image, { NetworkMode: "lab" });
  const { NetworkSettings } = await h1.docker.getContainer(id).inspect();
  const host = NetworkSettings.Networks["lab"]?.IPAddress ?? "";
  await until("it listens", () => isListening(host, 8080));
  return id;
}

async function isListening(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** "proved", or why not. */
async function proven(id: string, wishes: Partial<VerificationOptions> = {}): Promise<string> {
  const proof: VerificationOptions = {
    engine: await openEngine(`unix://${h1.socket}`, 10_000),
    clock: systemClock,
    healthTimeout: undefined,
    settleTime: 3000,
    hardStop: never,
    ...wishes,
  };
  return verifyContainer(id, proof).then(
    () => "proved",
    (error: unknown) => (error as Error).message,
  );
}

const checked = (id: string, asked: string, wishes: Partial<VerificationOptions> = {}): Promise<string> =>
  proven(id, {
    settleTime: 0,
    healthTimeout: 500,
    check: readCheckLabel({ "com.ouroboros.check": asked }),
    ...wishes,
  });

/** An HTTP server beside the updater. */
async function serve(answer: () => number): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => {
    response.writeHead(answer()).end("x".repeat(100_000));
  });
  await once(server.listen(0, `${bed().net}.1`), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${bed().net}.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
