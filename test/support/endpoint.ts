// An HTTP endpoint of a test's own on loopback, over TLS where asked: notes what it is asked, answers as told.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, type RequestListener, type ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Gives a status with a body and headers; undefined where it deals with the response itself, or never. */
export type Answering = (
  request: Request,
  response: ServerResponse,
) => readonly [status: number, body?: string, headers?: Readonly<Record<string, string>>] | undefined;

export interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly Request[];
  answer: Answering;
}

/** `caFile`: where to write the certificate that vouches for it; http without. */
export async function startEndpoint(answer: Answering, caFile?: string): Promise<Endpoint> {
  const asked: Request[] = [];
  const listener: RequestListener = (request, response) => {
    void text(request).then((body) => {
      const { method = "", url: path = "", headers } = request;
      const it = { method, path, headers, body };
      asked.push(it);
      const [status, said = "", more = {}] = endpoint.answer(it, response) ?? [0];
      if (status !== 0) response.writeHead(status, more).end(said);
    });
  };
  const tls = caFile === undefined ? undefined : await certificate(caFile);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint: Endpoint = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: asked,
    answer,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return endpoint;
}

async function certificate(caFile: string): Promise<{ readonly key: string; readonly cert: string }> {
  const words =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=loopback -addext subjectAltName=IP:127.0.0.1 -keyout - -out -";
  const { stdout } = await promisify(execFile)("openssl", words.split(" "));
  await writeFile(caFile, stdout);
  return { key: stdout, cert: stdout };
}
