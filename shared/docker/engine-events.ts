// The lines of the Engine's event stream, each a JSON document. Engine API: SystemEvents.
import type { Readable } from "node:stream";

/** @throws when the stream fails. */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}
