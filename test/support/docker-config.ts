// A configuration of the Docker client for each test of a suite, in a folder of its own: DOCKER_CONFIG.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "mocha";

export interface DockerConfig {
  readonly folder: () => string;
  /** Text as it is, anything else as JSON. */
  readonly write: (config: unknown) => Promise<void>;
}

/** To be called in the suite's `describe`. */
export function dockerConfig(): DockerConfig {
  const before = process.env["DOCKER_CONFIG"];
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "credentials-"));
    process.env["DOCKER_CONFIG"] = folder;
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["DOCKER_CONFIG"];
    else process.env["DOCKER_CONFIG"] = before;
    await rm(folder, { recursive: true });
  });
  return {
    folder: () => folder,
    write: (config) =>
      writeFile(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config)),
  };
}
