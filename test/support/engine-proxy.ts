// A proxy before an Engine's socket, on loopback, that answers some requests itself.
import { once } from "node:events";
import { type IncomingMessage, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface EngineProxy extends AsyncDisposable {
  /** `tcp://127.0.0.1:port`, as in DOCKER_SOCKETS. */
  readonly url: string;
}

/** `answer` gives the status and the message for what is not passed on. */
export async function startEngineProxy(
  socketPath: string,
  answer: (asked: IncomingMessage) => readonly [status: number, message: string] | undefined,
): Promise<EngineProxy> {
  const server = createServer((asked, response) => {
    const own = answer(asked);
    if (own !== undefined) {
      const [status, message] = own;
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
      return;
    }
    const { method, url: path, headers } = asked;
    const passed = request({ socketPath, method, path, headers }, (said) => {
      response.writeHead(said.statusCode ?? 502, said.headers);
      said.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    asked.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
