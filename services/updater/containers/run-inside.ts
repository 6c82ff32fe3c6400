// A command in a container, to its end. Engine API: ContainerExec, ExecStart, ExecInspect.
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Engine } from "../../../shared/docker/engine.ts";

const OUTPUT_BYTES = 500;

export interface CommandResult {
  /** Null where the Engine does not know. */
  readonly code: number | null;
  /** The end of what it printed. */
  readonly output: string;
}

/** By `/bin/sh -c`. When the signal aborts nobody waits any longer; the command goes on in the container. */
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
  let said = "";
  const hear = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      said = `${said}${chunk.toString()}`.slice(-OUTPUT_BYTES);
      done();
    },
  });
  const stream = await exec.start({ abortSignal });
  dockerWithoutTimeout.modem.demuxStream(stream, hear, hear);
  await finished(stream, { signal: abortSignal, writable: false });
  const { ExitCode: code } = await exec.inspect({ abortSignal });
  return { code, output: said.trim() };
}
