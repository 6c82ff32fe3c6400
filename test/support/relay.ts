// A TCP connection that can be cut: whoever dials the relay is connected to the port behind it, or to nothing.
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections, and takes no more. */
  readonly cut: () => void;
  readonly join: () => void;
}

/** `onSent` hears what those who dial send. */
export async function relayTo(
  behind: number,
  onSent: (bytes: Buffer) => void = () => undefined,
): Promise<Relay> {
  let isCut = false;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(behind, "127.0.0.1");
    near.on("data", onSent);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    join: () => (isCut = false),
    [Symbol.asyncDispose]: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
