import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, it } from "mocha";
import { Docker } from "../../../shared/docker/docker-client.ts";
import { engine } from "../../bed/bed.ts";
import { startEngineProxy } from "../../support/engine-proxy.ts";

const client = pathToFileURL(join(import.meta.dirname, "../../../shared/docker/docker-client.js")).href;
const program = `
  import { createRequire } from "node:module";
  import { Docker } from ${JSON.stringify(client)};
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  const docker = new Docker({ socketPath: "/nowhere" });
  let said = "";
  try { await docker.buildImage("x", { version: "2" }); } catch (error) { said = error.message; }
  console.log(JSON.stringify({ loaded, said }));`;

describe("the Engine's client", () => {
  it("is loaded without gRPC and SSH, which say so if they are asked for", async () => {
    const { stdout } = await promisify(execFile)("node", ["--input-type=module", "--eval", program]);
    const { loaded, said } = JSON.parse(stdout) as { readonly loaded: string[]; readonly said: string };
    assert.ok(loaded.some((path) => path.includes("docker-modem")));
    assert.deepEqual(
      loaded.filter((path) => /grpc|protobufjs|node_modules\/ssh2/.test(path)),
      [],
    );
    assert.equal(said, "A session with BuildKit is left out (shared/docker/load-dockerode.ts).");
  });

  it("refuses an answer that is not JSON", async () => {
    await using proxy = await startEngineProxy(engine(1).socket, ({ url = "" }) =>
      url.includes("/containers/") ? [200, undefined] : undefined,
    );
    const { hostname, port } = new URL(proxy.url);
    const docker = new Docker({ host: hostname, port, protocol: "http" });
    const asked = docker.getContainer("web").inspect();
    const told =
      /^The Engine's answer to GET \/containers\/web\/json is not JSON: it begins with "<html>"\.$/;
    await assert.rejects(asked, ({ message }: Error) => told.test(message));
    assert.ok(Array.isArray(await docker.listImages()));
  });
});
