// A registry that stands in for Docker Hub at Engines that are started with --registry-mirror.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry, bed } from "../bed/bed.ts";
import { until } from "./until.ts";

const PROGRAM = `${process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed"}/20/usr/bin/docker-registry`;

export interface Mirror extends AsyncDisposable {
  readonly registry: Registry;
}

/** Listens at this port of the bed's network: any Engine of the bed reaches it at `<net>.1:<port>`. */
export async function startMirror(port: number): Promise<Mirror> {
  const folder = await mkdtemp(join(tmpdir(), "mirror-"));
  const config = join(folder, "config.yml");
  const address = `${bed().net}.1:${port}`;
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "error", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      http: { addr: address },
    }),
  );
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", PROGRAM, "serve", config], {
    stdio: "ignore",
  });
  const registry = new Registry(`http://${address}`);
  await until("the mirror answers", () =>
    registry.call("GET", "/v2/").then(
      () => true,
      () => false,
    ),
  );
  return {
    registry,
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, "exit");
      if (child.kill("SIGKILL")) await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
