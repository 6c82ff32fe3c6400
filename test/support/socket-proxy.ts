// A proxy before an Engine's socket that lets through what compose.socket-proxy.yaml allows a service, and nothing else.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type EngineProxy, startEngineProxy } from "./engine-proxy.ts";
import { checkout } from "./checkout.ts";

export interface SocketProxy extends EngineProxy {
  /** `METHOD path` of what was asked and not allowed. */
  readonly denied: readonly string[];
  /** The allowed patterns that something was asked by. */
  readonly used: ReadonlySet<string>;
}

/** `GET /version`: method and pattern, of the service with this name in the file; with SWARM the lines for that too. */
export async function rightsOf(
  service: string,
  isInSwarm = false,
): Promise<readonly { method: string; path: string }[]> {
  const file = await readFile(join(checkout, "compose.socket-proxy.yaml"), "utf8");
  const text = file.replaceAll(/^ +# (- .*# SWARM)\n/gm, isInSwarm ? "      $1\n" : "");
  const [, own = ""] = text.split(`\n  ${service}:\n`);
  const [mine = ""] = own.split(/\n {2}\S/);
  return [...mine.matchAll(/"-allow([A-Z]+)=(.*?)"/g)].map(([, method = "", path = ""]) => ({
    method,
    path: path.replaceAll("\\\\", "\\"),
  }));
}

export async function startSocketProxy(
  socketPath: string,
  service: string,
  isInSwarm = false,
): Promise<SocketProxy> {
  const rights = await rightsOf(service, isInSwarm);
  const denied: string[] = [];
  const used = new Set<string>();
  const proxy = await startEngineProxy(socketPath, ({ method = "", url = "" }) => {
    const path = url.split("?")[0] ?? "";
    const right = rights.find((one) => one.method === method && new RegExp(`^(?:${one.path})$`).test(path));
    if (right !== undefined) {
      used.add(`${right.method} ${right.path}`);
      return undefined;
    }
    denied.push(`${method} ${path}`);
    return [403, "not allowed"];
  });
  return { ...proxy, denied, used };
}
