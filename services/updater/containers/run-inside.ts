// Runs a command in a container and waits for its end. Engine API: ContainerExec, ExecStart, ExecInspect.
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Engine } from "../../../shared/docker/engine.ts";

const OUTPUT_BYTES = 500;

export interface CommandResult {
  /** Null if the Engine does not know it. */
  readonly code: number | null;
  /** The last bytes of stdout and stderr. */
  readonly output: string;
}

/** Runs it with `/bin/sh -c`. The signal ends the wait; the command then keeps running in the container. */
export async function runInside(
  { dockerWithoutTimeout }: Pick<Engine, "dockerWithoutTimeout">,
  id: string,
  command: string,
  abortSignal: AbortSignal,
): Promise<CommandResult> {
  const exec = await dockerWithoutTimeout.getContainer(id).exec({
    Cmd: ["/bin/sh", "-c", command],
    AttachStdout: true,
    AttachStderr: true,
    abortSignal,
  });
  let output = "";
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      output = `${output}${chunk.toString()}`.slice(-OUTPUT_BYTES);
      done();
    },
  });
  const stream = await exec.start({ abortSignal });
  dockerWithoutTimeout.modem.demuxStream(stream, sink, sink);
  await finished(stream, { signal: abortSignal, writable: false });
  const { ExitCode: code } = await exec.inspect({ abortSignal });
  return { code, output: output.trim() };
}
