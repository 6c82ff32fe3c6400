// One try of the check from outside that a container's label asks for: an HTTP request, a TCP connection or a command
// in it. How often and how long it is tried is verify-container.ts's.
import { once } from "node:events";
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { connect } from "node:net";
import type { ContainerInspectInfo } from "dockerode";
import { CONTAINER, type Probe } from "../../../shared/containers/check-label.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { runInside } from "../containers/run-inside.ts";
import { redactOutput } from "../containers/redact-output.ts";

export type ProbeResult =
  | { readonly passed: true }
  /** What came back. */
  | { readonly passed: false; readonly because: string };

interface ProbeContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly hardStop: AbortSignal;
}

const TRY_MS = 5000;

/** Takes at most five seconds; a command that has not ended by then counts as failed, and goes on in the container. */
export async function runProbe(
  check: Probe,
  inspect: ContainerInspectInfo,
  { engine, clock, hardStop }: ProbeContext,
): Promise<ProbeResult> {
  const signal = clock.deadline(TRY_MS, hardStop);
  try {
    return await probe(check, inspect, engine, signal);
  } catch (error) {
    const code = (error as { code?: string }).code ?? "no answer"; // where several addresses failed there is no message
    return failProbe(signal.aborted ? `no answer within ${TRY_MS / 1000} s` : explain(error) || code);
  }
}

const failProbe = (because: string): ProbeResult => ({ passed: false, because });
const PASSED: ProbeResult = { passed: true };

async function probe(
  check: Probe,
  inspect: ContainerInspectInfo,
  engine: Engine,
  signal: AbortSignal,
): Promise<ProbeResult> {
  if (check.kind === "exec") return probeCommand(check.command, inspect, engine, signal);
  const host = check.host === CONTAINER ? await addressOf(inspect, engine) : check.host;
  if (host === undefined) return failProbe("it has no IP address of its own");
  return check.kind === "tcp" ? probeTcp(host, check.port, signal) : probeHttp(check, host, signal);
}

/** Its first; that of the container whose network it shares; on the host's network the Engine's. */
async function addressOf(
  inspect: ContainerInspectInfo,
  engine: Pick<Engine, "docker" | "socket">,
): Promise<string | undefined> {
  const mode = inspect.HostConfig.NetworkMode ?? "";
  if (mode.startsWith("container:"))
    return addressOf(await engine.docker.getContainer(mode.slice("container:".length)).inspect(), engine);
  if (mode === "host")
    return engine.socket.startsWith("tcp:") ? new URL(engine.socket).hostname : "127.0.0.1";
  return Object.values(inspect.NetworkSettings.Networks ?? {})
    .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
    .find((address) => Boolean(address));
}

/** No certificate bears the address of a container. */
async function probeHttp(
  check: Probe & { readonly kind: "http" },
  host: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { port, path, tls } = check;
  const options = { host, port, path, signal, agent: false as const };
  const asking = tls
    ? requestTls({ ...options, rejectUnauthorized: check.host !== CONTAINER })
    : request(options);
  asking.end();
  const [{ statusCode = 0 }] = (await once(asking, "response")) as [{ statusCode?: number }];
  asking.on("error", () => undefined).destroy();
  return statusCode < 400 ? PASSED : failProbe(`HTTP status ${statusCode}`);
}

async function probeTcp(host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  const socket = connect({ host, port, signal });
  try {
    await once(socket, "connect");
    return PASSED;
  } finally {
    socket.on("error", () => undefined).destroy();
  }
}

async function probeCommand(
  command: string,
  inspect: ContainerInspectInfo,
  engine: Engine,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { code, output } = await runInside(engine, inspect.Id, command, signal);
  return code === 0
    ? PASSED
    : failProbe(`exit code ${code ?? "unknown"}: ${redactOutput(output, inspect.Config.Env)}`);
}
