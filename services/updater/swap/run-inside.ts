// A command in a container, to its end. Engine API: ContainerExec, ExecStart, ExecInspect.
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Engine } from "../../../shared/engine.ts";

const SAID_BYTES = 500;

export interface CommandResult {
  /** Null where the Engine does not know. */
  readonly code: number | null;
  /** The end of what it printed. */
  readonly said: string;
}

/** By `/bin/sh -c`. When the signal aborts nobody waits any longer; the command goes on in the container. */
export async function runInside(
  { patient }: Pick<Engine, "patient">,
  id: string,
  command: string,
  abortSignal: AbortSignal,
): Promise<CommandResult> {
  const exec = await patient.getContainer(id).exec({
    Cmd: ["/bin/sh", "-c", command],
    AttachStdout: true,
    AttachStderr: true,
    abortSignal,
  });
  let said = "";
  const hear = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said = `${said}${chunk.toString()}`.slice(-SAID_BYTES);
      done();
    },
  });
  const stream = await exec.start({ abortSignal });
  patient.modem.demuxStream(stream, hear, hear);
  await finished(stream, { signal: abortSignal, writable: false });
  const { ExitCode: code } = await exec.inspect({ abortSignal });
  return { code, said: said.trim() };
}
