// A proxy before an Engine's socket, on loopback, that answers some requests itself.
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface EngineProxy extends AsyncDisposable {
  /** `tcp://127.0.0.1:port`, as in DOCKER_SOCKETS. */
  readonly url: string;
}

/**
 * The status and the message; without one what is no JSON. `cut`: the connection ends. `lost`: the Engine does what it is
 * asked, and then the connection ends.
 */
export type Answer = readonly [status: number, message: string | undefined] | "cut" | "lost";

/** An Engine that was killed may have left a task of a container, which it then cannot start. */
export const LEFTOVER_TASK: Answer = [500, "failed to create task: task 0123 already exists: unknown"];

/** Method and path, without the version of the API: `POST /containers/ID/start`. */
export const requestText = ({ method = "", url = "" }: IncomingMessage): string =>
  `${method} ${url.replace(/^\/v[0-9.]+/, "")}`;

/** `answer` gives what is said to what is not passed on. */
export async function startEngineProxy(
  socketPath: string,
  answer: (asked: IncomingMessage) => Answer | undefined | Promise<Answer | undefined>,
): Promise<EngineProxy> {
  const server = createServer((asked, response) => void serve(asked, response)).listen(0, "127.0.0.1");
  const serve = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const given = answer(asked);
    const own = given instanceof Promise ? await given : given;
    if (own !== undefined && own !== "lost") {
      if (own === "cut") return void asked.socket.destroy();
      const [status, message] = own;
      const said = message === undefined ? "<html>" : JSON.stringify({ message });
      response.writeHead(status, { "content-type": "application/json" }).end(said);
      return;
    }
    const { method, url: path, headers } = asked;
    const passed = request({ socketPath, method, path, headers }, (said) => {
      if (own === "lost") return void said.resume().on("end", () => asked.socket.destroy());
      response.writeHead(said.statusCode ?? 502, said.headers);
      said.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    asked.pipe(passed);
  };
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
