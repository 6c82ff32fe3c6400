// Starts and stops an HTTP server of a service.
import { once } from "node:events";
import type { Server } from "node:http";
import { isIPv6 } from "node:net";
import type { UserMessage } from "../catalogue/entry.ts";
import { CannotStart, explain } from "../errors.ts";

export interface ListenAddress {
  /** A name or an address; IPv6 with or without brackets. */
  readonly address: string;
  readonly port: number;
}

/**
 * Resolves once the server listens. `cannotListen` says that it does not, from the address as a URL has it and the reason. @throws
 * CannotStart where the address is not one of this machine's, or the port is in use
 */
export async function listenOn(
  server: Server,
  { address, port }: ListenAddress,
  cannotListen: (values: { readonly address: string; readonly because: string }) => UserMessage,
): Promise<void> {
  try {
    server.listen({ host: address.replace(/^\[(.*)\]$/, "$1"), port });
    await once(server, "listening");
  } catch (cause) {
    const place = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
    throw new CannotStart(cannotListen({ address: place, because: explain(cause) }), { cause });
  }
}

/** Ends the server with all its connections. */
export const stopping = (server: Server): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  },
});
