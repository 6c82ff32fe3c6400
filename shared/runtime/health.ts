// Serves liveness (`/healthz`) and readiness (`/readyz`), on loopback only. Each part of the process registers a
// check that says what keeps it from working. One reachable Engine is enough for readiness: whoever restarts an
// unready process, or reverts a self-update, must not do so to the hosts that are healthy.
import { createServer } from "node:http";
import { explain } from "../errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { settingErrors } from "../catalogue/start-errors.ts";
import { listenOn, stopping } from "./http-server.ts";

/** Returns what is wrong; undefined where nothing is. */
type HealthCheck = () => string | undefined | Promise<string | undefined>;

type UnhealthyParts = Readonly<Record<string, string>>;

export class Health {
  readonly #parts = new Map<string, HealthCheck>();
  readonly #engines = new Map<string, HealthCheck>();
  readonly #waits = new Set<{ readonly what: string }>();

  /** Registering a name again replaces its check. */
  addPart(name: string, check: HealthCheck): void {
    this.#parts.set(name, check);
  }

  addEngine(socket: string, check: HealthCheck): void {
    this.#engines.set(`Engine ${socket}`, check);
  }

  /** Records something the program waits for, until disposed. Waiting is no fault, so the program stays ready. */
  trackWait(what: string): Disposable {
    const wait = { what };
    this.#waits.add(wait);
    return { [Symbol.dispose]: () => void this.#waits.delete(wait) };
  }

  get waiting(): readonly string[] {
    return [...new Set([...this.#waits].map(({ what }) => what))];
  }

  /** Runs every check. The process is unready if a part fails, or if every Engine does. */
  async runChecks(): Promise<{ readonly isReady: boolean; readonly wrong: UnhealthyParts }> {
    const [parts, engines] = await Promise.all([
      collectFailures(this.#parts),
      collectFailures(this.#engines),
    ]);
    const areAllEnginesDown = engines.length > 0 && engines.length === this.#engines.size;
    return {
      isReady: parts.length === 0 && !areAllEnginesDown,
      wrong: Object.fromEntries([...parts, ...engines]),
    };
  }
}

/** Describes what the program waits for and what keeps it from working. */
export async function describeWaits(health: Health): Promise<string[]> {
  const { wrong } = await health.runChecks();
  const waits = [...health.waiting, ...Object.entries(wrong).map(([part, because]) => `${part}: ${because}`)];
  return waits.length > 0 ? waits : ["its own work"];
}

async function collectFailures(
  checks: ReadonlyMap<string, HealthCheck>,
): Promise<(readonly [string, string])[]> {
  const failures = [...checks].map(async ([name, check]) => {
    const wrong = await Promise.resolve().then(check).catch(explain);
    return wrong === undefined ? [] : [[name, wrong] as const];
  });
  return (await Promise.all(failures)).flat();
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
  await listenOn(server, { address: "127.0.0.1", port }, ({ because }) =>
    messageOf(settingErrors.healthPort, { port, because }),
  );
  return stopping(server);
}

async function answerRequest(path: string, health: Health): Promise<readonly [status: number, body: object]> {
  if (path === "/healthz") return [200, { status: "alive" }];
  if (path !== "/readyz") return [404, { status: "there are /healthz and /readyz" }];
  const { isReady, wrong } = await health.runChecks();
  if (!isReady) return [503, { status: "not ready", because: wrong }];
  return [200, { status: "ready", ...(Object.keys(wrong).length > 0 && { but: wrong }) }];
}
