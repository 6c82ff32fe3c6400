// Checks for the programs that a private NATS needs on this machine: nats-server, setpriv and flock.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CannotStart } from "../shared/errors.ts";
import { messageOf } from "../shared/catalogue/entry.ts";
import { privateNatsErrors } from "../shared/catalogue/nats-errors.ts";
import { OLDEST_NATS_VERSION } from "../shared/nats/nats-connection.ts";
import { isOlder } from "../shared/version.ts";

/** @throws CannotStart naming what is missing or too old, and how to get it. */
export async function requirePrograms(): Promise<void> {
  const server = await readVersionOutput("nats-server");
  if (server === undefined) throw new CannotStart(messageOf(privateNatsErrors.serverMissing));
  const [version = "of unknown version"] = /\d+\.\d+\.\d+/.exec(server) ?? [];
  if (isOlder(version, OLDEST_NATS_VERSION))
    throw new CannotStart(messageOf(privateNatsErrors.serverTooOld, { version }));
  for (const program of ["setpriv", "flock"]) {
    if (!(await readVersionOutput(program))?.includes("util-linux"))
      throw new CannotStart(messageOf(privateNatsErrors.programsMissing));
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
