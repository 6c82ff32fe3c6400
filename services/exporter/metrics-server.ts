// The HTTP endpoint that Prometheus scrapes: GET /metrics, and nothing else.
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import { type ListenAddress, listenOn, stopping } from "../../shared/runtime/http-server.ts";

export interface ServedMetrics {
  readonly contentType: string;
  readonly print: () => Promise<string>;
  readonly failed: (error: unknown) => void;
  /** Called once, however many connections fail so: each scrape tries again. */
  readonly cannotAccept: (error: Error) => void;
}

const MAX_CONNECTIONS = 100;

/** @throws CannotStart where the address is not one of this machine's, or the port is in use. */
export async function serveMetrics(place: ListenAddress, served: ServedMetrics): Promise<AsyncDisposable> {
  const server = createServer({ requestTimeout: 10_000, maxHeaderSize: 8192 }, (request, response) => {
    void answer(request, response, served);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listenOn(server, place, (values) => messageOf(observerErrors.metricsAddress, values));
  server.once("error", (error) => {
    server.on("error", () => undefined); // without a listener an error ends the program
    served.cannotAccept(error);
  });
  return stopping(server);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  served: ServedMetrics,
): Promise<void> {
  request.resume();
  const path = (request.url ?? "").split("?")[0];
  if (path !== "/metrics") end(response, 404, "There is only /metrics.\n");
  else if (request.method !== "GET") end(response.setHeader("allow", "GET"), 405, "Only GET is allowed.\n");
  else await answerScrape(response, served);
}

async function answerScrape(response: ServerResponse, served: ServedMetrics): Promise<void> {
  try {
    const text = await served.print();
    end(response.setHeader("content-type", served.contentType), 200, text);
  } catch (error) {
    served.failed(error);
    end(response, 500, "The metrics cannot be printed; the log says why.\n");
  }
}

function end(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(text);
}
