// dockerode without two parts that the product never uses: connections over SSH, and sessions with BuildKit (gRPC).
// Loading them takes longer than all the rest of dockerode, and 14 MB (docs/decisions/0050).
import { Module, createRequire } from "node:module";
import type Dockerode from "dockerode";

const require = createRequire(import.meta.url);
const ofDockerode = createRequire(require.resolve("dockerode"));

function leaveOut(path: string, what: string): void {
  const stub = new Module(path);
  stub.loaded = true;
  stub.exports = () => {
    throw new Error(`${what} is left out (shared/docker-client.ts).`);
  };
  require.cache[path] = stub;
}
leaveOut(ofDockerode.resolve("./session"), "A session with BuildKit");
leaveOut(ofDockerode.resolve("docker-modem/lib/ssh"), "A connection over SSH");

export const Docker = require("dockerode") as typeof Dockerode;
export type Docker = Dockerode;
