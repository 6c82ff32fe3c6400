/** The least rights at the Docker socket, as compose.socket-proxy.yaml gives them, before a real Engine. */
import assert from "node:assert/strict";
import { bedCommand, engine } from "../bed/bed.ts";
import { deploy, overview, pull, release } from "../support/containers.ts";
import { startSocketProxy } from "../support/socket-proxy.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const host = engine(1);

describe("a socket proxy with the least rights of each service", () => {
  afterEach(() => host.clean());

  it("lets updates, dependencies, cleaning up and putting back through, and is asked for nothing else", async () => {
    await host.docker.createNetwork({ Name: "front" });
    await host.docker.createNetwork({ Name: "back" });
    const networks = { NetworkingConfig: { EndpointsConfig: { front: {}, back: {} } } };
    await deploy(host, "db");
    await deploy(host, "cache");
    await deploy(host, "web", {
      create: {
        HostConfig: { NetworkMode: "front", RestartPolicy: { Name: "always" } },
        ...networks,
        Labels: {
          "com.ouroboros.depends_on": "db",
          "com.ouroboros.hard_depends_on": "cache",
          "com.ouroboros.check": "exec:true",
        },
      },
    });
    await deploy(host, "bad");
    const { reference } = await release("apps/copied", "1");
    await pull(host, reference);
    const copied = await host.docker.createContainer({ name: "copied", Image: reference });
    await bedCommand("docker", "1", "cp", "/etc/hosts", "copied:/etc/kept");
    await copied.start();
    await release("apps/copied", "2");
    await release("apps/web", "2");
    await release("apps/bad", "2", { health: "false" });
    await using poller = await startSocketProxy(host.socket, "poller-socket");
    await using updater = await startSocketProxy(host.socket, "updater-socket");
    await using stack = await startStack({
      engine: host,
      services: [],
      env: { HOOK_EXECUTOR: "off", CLEANUP: "true", CLEANUP_UNUSED_VOLUMES: "true", HEALTH_TIMEOUT: "2s" },
    });
    stack.start("updater", { env: { DOCKER_SOCKETS: updater.url } });
    stack.start("poller", { env: { DOCKER_SOCKETS: poller.url } });
    await stack.expectResult("web", "updated");
    await stack.expectResult("bad", "rolled_back");
    await stack.expectResult("copied", "updated");
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(host), [
      "bad running 1",
      "cache running 1",
      "copied running 2",
      "db running 1",
      "web running 2",
    ]);
    assert.notEqual(await bedCommand("docker", "1", "exec", "copied", "cat", "/etc/kept"), "");
    assert.deepEqual([...poller.denied, ...updater.denied], []);
  });

  it("gives the poller nothing that changes anything", async () => {
    const id = await deploy(host, "web");
    await using proxy = await startSocketProxy(host.socket, "poller-socket");
    const url = proxy.url.replace("tcp:", "http:");
    for (const [method, path] of [
      ["POST", `/v1.41/containers/${id}/stop`],
      ["DELETE", `/v1.41/containers/${id}`],
      ["GET", "/v1.41/secrets"],
      ["GET", `/v1.41/containers/${id}/archive?path=/`],
    ] as const)
      assert.equal((await fetch(url + path, { method })).status, 403, path);
    assert.deepEqual(await overview(host), ["web running 1"]);
  });
});
