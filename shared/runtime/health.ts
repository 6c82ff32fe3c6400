// Is this process alive, and ready for its work? Parts of it say what keeps them from it; `/readyz` asks them all, and
// `/healthz` answers as long as anything here does. Of its Engines one is enough: whoever restarts what is not ready, or
// takes a self-update back, must not do that to the hosts that are well. For loopback only.
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import { CannotStart, explain } from "../errors.ts";

/** What is wrong; undefined where nothing is. */
type HealthCheck = () => string | undefined | Promise<string | undefined>;

type UnhealthyParts = Readonly<Record<string, string>>;

export class Health {
  readonly #parts = new Map<string, HealthCheck>();
  readonly #engines = new Map<string, HealthCheck>();
  readonly #waits = new Set<{ readonly what: string }>();

  /** A part that is named again asks anew. */
  addPart(name: string, ask: HealthCheck): void {
    this.#parts.set(name, ask);
  }

  addEngine(socket: string, ask: HealthCheck): void {
    this.#engines.set(`Engine ${socket}`, ask);
  }

  /** What the program waits for from now on, until disposed of: no fault of its own, so it stays ready. */
  trackWait(what: string): Disposable {
    const wait = { what };
    this.#waits.add(wait);
    return { [Symbol.dispose]: () => void this.#waits.delete(wait) };
  }

  get waiting(): readonly string[] {
    return [...new Set([...this.#waits].map(({ what }) => what))];
  }

  /** What is wrong, by part, and whether it keeps this process from all of its work. */
  async runChecks(): Promise<{ readonly isReady: boolean; readonly wrong: UnhealthyParts }> {
    const [parts, engines] = await Promise.all([
      collectFailures(this.#parts),
      collectFailures(this.#engines),
    ]);
    const isOut = engines.length > 0 && engines.length === this.#engines.size;
    return { isReady: parts.length === 0 && !isOut, wrong: Object.fromEntries([...parts, ...engines]) };
  }
}

/** What the program waits for, and what keeps it from its work, in words. */
export async function describeWaits(health: Health): Promise<string[]> {
  const { wrong } = await health.runChecks();
  const all = [...health.waiting, ...Object.entries(wrong).map(([part, because]) => `${part}: ${because}`)];
  return all.length > 0 ? all : ["its own work"];
}

async function collectFailures(
  parts: ReadonlyMap<string, HealthCheck>,
): Promise<(readonly [string, string])[]> {
  const answers = [...parts].map(async ([name, ask]) => {
    const wrong = await Promise.resolve().then(ask).catch(explain);
    return wrong === undefined ? [] : [[name, wrong] as const];
  });
  return (await Promise.all(answers)).flat();
}

/** @throws CannotStart where the port is taken. */
export async function serveHealth(port: number | undefined, health: Health): Promise<AsyncDisposable> {
  if (port === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const server = createServer({ requestTimeout: 5000, keepAlive: false }, (request, response) => {
    void answerRequest(request.url ?? "", health).then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/json", connection: "close" });
      response.end(`${JSON.stringify(body)}\n`);
    });
  });
  await listen(server, port);
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function answerRequest(path: string, health: Health): Promise<readonly [status: number, body: object]> {
  if (path === "/healthz") return [200, { status: "alive" }];
  if (path !== "/readyz") return [404, { status: "there are /healthz and /readyz" }];
  const { isReady, wrong } = await health.runChecks();
  if (!isReady) return [503, { status: "not ready", because: wrong }];
  return [200, { status: "ready", ...(Object.keys(wrong).length > 0 && { but: wrong }) }];
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch (cause) {
    throw new CannotStart(
      `HEALTH_PORT ${port} cannot be listened on (${explain(cause)}): set another one, or off`,
      { cause },
    );
  }
}
