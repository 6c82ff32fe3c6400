// Loads dockerode without two parts that Ouroboros never uses: connections over SSH, and sessions with BuildKit (gRPC).
// Loading them takes longer than the rest of dockerode, and 14 MB of memory (docs/decisions/0050). The bundles have it
// without them, too (.ci/bundle.mjs).
import { Module, createRequire } from "node:module";
import type Dockerode from "dockerode";

const require = createRequire(import.meta.url);
const requireFromDockerode = createRequire(require.resolve("dockerode"));

function stubModule(path: string, what: string): void {
  const stub = new Module(path);
  stub.loaded = true;
  stub.exports = () => {
    throw new Error(`${what} is left out (shared/docker/load-dockerode.ts).`);
  };
  require.cache[path] = stub;
}
stubModule(requireFromDockerode.resolve("./session"), "A session with BuildKit");
stubModule(requireFromDockerode.resolve("docker-modem/lib/ssh"), "A connection over SSH");

export const PlainDocker = require("dockerode") as new (options: Dockerode.DockerOptions) => Dockerode;
