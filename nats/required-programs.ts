// Checks for the programs that a private NATS needs on this machine: nats-server, setpriv and flock.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CannotStart } from "../shared/errors.ts";
import { OLDEST_NATS_VERSION } from "../shared/nats/nats-connection.ts";
import { isOlder } from "../shared/version.ts";

const INSTALL_ADVICE =
  "set NATS_URL to a NATS of yours, install nats-server 2.10 or newer, or run the image of Ouroboros, which holds one";

/** @throws CannotStart naming what is missing or too old, and how to get it. */
export async function requirePrograms(): Promise<void> {
  const server = await readVersionOutput("nats-server");
  if (server === undefined) throw new CannotStart(`There is no nats-server in PATH: ${INSTALL_ADVICE}`);
  const [version = "of unknown version"] = /\d+\.\d+\.\d+/.exec(server) ?? [];
  if (isOlder(version, OLDEST_NATS_VERSION))
    throw new CannotStart(
      `nats-server ${version} in PATH is too old, older ones lose refusals: ${INSTALL_ADVICE}`,
    );
  for (const program of ["setpriv", "flock"]) {
    if (!(await readVersionOutput(program))?.includes("util-linux"))
      throw new CannotStart(
        `A private NATS needs setpriv and flock of util-linux: install them, or set NATS_URL`,
      );
  }
}

/** The output of `program --version`; undefined where the program cannot be run. */
async function readVersionOutput(program: string): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(program, ["--version"])).stdout;
  } catch {
    return undefined;
  }
}
