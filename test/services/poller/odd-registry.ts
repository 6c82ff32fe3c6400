// A registry that behaves as a test wants: a real HTTP(S) server on loopback that notes what it was asked.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, type RequestListener, type ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { bed } from "../../bed/bed.ts";

export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export interface OddRegistry extends AsyncDisposable {
  /** 127.0.0.1:port, as in an image reference. */
  readonly host: string;
  readonly asked: readonly RegistryRequest[];
}

type Behave = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/**
 * Over TLS it has a certificate that nobody vouches for: on `loopback`, where that does not matter, or at an
 * address that is `unknown` to the Engine as an insecure one.
 */
export async function startRegistry(behave: Behave, tls?: "loopback" | "unknown"): Promise<OddRegistry> {
  const asked: RegistryRequest[] = [];
  const listener: RequestListener = (request, response) => {
    void text(request).then((body) => {
      const { method = "", url = "", headers } = request;
      asked.push({ method, path: url, authorization: headers.authorization, body });
      behave(request, response, body);
    });
  };
  const address = tls === "unknown" ? `${bed().net}.1` : "127.0.0.1";
  const server = tls === undefined ? createServer(listener) : createTlsServer(await selfSigned(), listener);
  server.listen(0, address);
  await once(server, "listening");
  return {
    host: `${address}:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function selfSigned(): Promise<{ readonly key: string; readonly cert: string }> {
  const words =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=odd -keyout - -out -";
  const { stdout } = await promisify(execFile)("openssl", words.split(" "));
  return { key: stdout, cert: stdout };
}
