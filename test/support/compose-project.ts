// A compose project of one service that is built from a Dockerfile, and gets a name for its image.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Engine, pushApp } from "../bed/bed.ts";
import { pull } from "./containers.ts";

export interface ComposeProject extends AsyncDisposable {
  readonly container: string;
  readonly compose: (...args: readonly string[]) => Promise<string>;
  /** Of its containers. */
  readonly ids: () => Promise<string[]>;
}

/** `image`: what compose calls what it builds. */
export async function composeProject(engine: Engine, image: string): Promise<ComposeProject> {
  const folder = await mkdtemp(join(tmpdir(), "built-"));
  const { reference } = await pushApp("bases/busybox", "1", { body: "mine" });
  await pull(engine, reference);
  await writeFile(join(folder, "Dockerfile"), `FROM ${reference}\nENV MINE=yes\n`);
  await writeFile(join(folder, "compose.yaml"), `services: { backend: { build: ., image: "${image}" } }\n`);
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.socket}` };
  const compose = async (...args: readonly string[]): Promise<string> => {
    const ran = await promisify(execFile)("docker", ["compose", ...args], { cwd: folder, env });
    return ran.stdout;
  };
  return {
    container: `${basename(folder).toLowerCase()}-backend-1`,
    compose,
    ids: async () => (await engine.docker.listContainers({ all: true })).map(({ Id }) => Id),
    [Symbol.asyncDispose]: async () => {
      await compose("down");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
