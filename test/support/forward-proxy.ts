// An HTTP proxy on loopback that notes what goes through it: tunnels (CONNECT), and plain requests in absolute form.
import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface ForwardProxy extends AsyncDisposable {
  readonly url: string;
  /** `CONNECT host:port` and `GET http://…`. */
  readonly seen: readonly string[];
}

/** With `login` it wants that, as `user:password`. */
export async function startForwardProxy(login?: string, address = "127.0.0.1"): Promise<ForwardProxy> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const expected = login && `Basic ${Buffer.from(login).toString("base64")}`;
  const server = createServer((asked, response) => {
    seen.push(`${asked.method ?? ""} ${asked.url ?? ""}`);
    const passed = request(asked.url ?? "", { method: asked.method, headers: asked.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    asked.pipe(passed);
  });
  server.on("connect", ({ url = "", headers }, client: Socket, head: Buffer) => {
    seen.push(`CONNECT ${url}`);
    if (expected !== undefined && headers["proxy-authorization"] !== expected) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const [host, port] = url.split(":");
    const target = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      target.write(head);
      target.pipe(client).pipe(target);
    });
    for (const [one, other] of [[client, target] as const, [target, client] as const]) {
      sockets.add(one);
      one.on("error", () => other.destroy()).on("close", () => sockets.delete(one));
    }
  });
  server.listen(0, address);
  await once(server, "listening");
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
