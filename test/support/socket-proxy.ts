// A proxy before an Engine's socket that lets through what compose.socket-proxy.yaml allows a service, and nothing else.
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import { join } from "node:path";
import { checkout } from "./our-image.ts";

export interface SocketProxy extends AsyncDisposable {
  /** `tcp://127.0.0.1:port`, as in DOCKER_SOCKETS. */
  readonly url: string;
  /** `METHOD path` of what was asked and not allowed. */
  readonly denied: readonly string[];
  /** The allowed patterns that something was asked by. */
  readonly used: ReadonlySet<string>;
}

/** `GET /version`: method and pattern, of the service with this name in the file. */
export async function rightsOf(service: string): Promise<readonly { method: string; path: string }[]> {
  const text = await readFile(join(checkout, "compose.socket-proxy.yaml"), "utf8");
  const [, own = ""] = text.split(`\n  ${service}:\n`);
  const [mine = ""] = own.split(/\n {2}\S/);
  return [...mine.matchAll(/"-allow([A-Z]+)=(.*?)"/g)].map(([, method = "", path = ""]) => ({
    method,
    path: path.replaceAll("\\\\", "\\"),
  }));
}

export async function startSocketProxy(socketPath: string, service: string): Promise<SocketProxy> {
  const rights = await rightsOf(service);
  const denied: string[] = [];
  const used = new Set<string>();
  const pass = (asked: IncomingMessage, answer: ServerResponse): void => {
    const { method = "", url = "", headers } = asked;
    const path = url.split("?")[0] ?? "";
    const right = rights.find((one) => one.method === method && new RegExp(`^(?:${one.path})$`).test(path));
    if (right === undefined) {
      denied.push(`${method} ${path}`);
      answer.writeHead(403).end('{"message":"not allowed"}');
      return;
    }
    used.add(`${right.method} ${right.path}`);
    const passed = request({ socketPath, method, path: url, headers }, (said) => {
      answer.writeHead(said.statusCode ?? 502, said.headers);
      said.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  };
  const server = createServer(pass).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `tcp://127.0.0.1:${port}`,
    denied,
    used,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
