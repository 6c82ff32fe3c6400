import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { runOnce } from "../fidelity/run-once.ts";
import { overview, pull, release } from "../support/containers.ts";
import { until } from "../support/until.ts";

describe("a container of an image of its host's own localhost", () => {
  it("is updated: the Engine is asked, which alone reaches that registry", async () => {
    await using host = engine(1);
    const { reference } = await release("apps/local", "1");
    await pull(host, reference);
    // Host 1's 127.0.0.1:5005 leads to the registry; nothing listens there where the poller runs.
    const words = "nc -ll -p 5005 -e /bin/busybox nc registry.lab 5000".split(" ");
    const relay = { name: "relay", Image: reference, Entrypoint: ["/bin/busybox"], Cmd: words };
    await (await host.docker.createContainer({ ...relay, HostConfig: { NetworkMode: "host" } })).start();
    const image = "localhost:5005/apps/local:latest";
    await until("it listens", () =>
      pull(host, image).then(
        () => true,
        () => false,
      ),
    );
    await (await host.docker.createContainer({ name: "local", Image: image })).start();
    await release("apps/local", "2");
    const { log } = await runOnce(host, ["local"]);
    assert.deepEqual(await overview(host), ["local running 2", "relay running 1"], log);
  });
});
