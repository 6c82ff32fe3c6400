// Makes one try of the outside check that a container's label sets: an HTTP request, a TCP connection or a command in
// the container. verify-container.ts decides how often and how long it is tried.
import { once } from "node:events";
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { connect } from "node:net";
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { CONTAINER, type Probe } from "../../../shared/containers/check-label.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { runInside } from "../containers/run-inside.ts";
import { redactOutput } from "../containers/redact-output.ts";

export type ProbeResult =
  | { readonly passed: true }
  /** `because`: what came back instead. */
  | { readonly passed: false; readonly because: string };

interface ProbeContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly hardStop: AbortSignal;
}

const TRY_MS = 5000;

/**
 * Takes at most five seconds. A command that has not ended by then has failed, and keeps running in the container.
 */
export async function runProbe(
  check: Probe,
  inspect: ContainerInspection,
  { engine, clock, hardStop }: ProbeContext,
): Promise<ProbeResult> {
  const signal = clock.deadline(TRY_MS, hardStop);
  try {
    return await probe(check, inspect, engine, signal);
  } catch (error) {
    const code = (error as { code?: string }).code ?? "no answer"; // there is no message if several addresses failed
    return failProbe(signal.aborted ? `no answer within ${TRY_MS / 1000} s` : explain(error) || code);
  }
}

const failProbe = (because: string): ProbeResult => ({ passed: false, because });
const PASSED: ProbeResult = { passed: true };

async function probe(
  check: Probe,
  inspect: ContainerInspection,
  engine: Engine,
  signal: AbortSignal,
): Promise<ProbeResult> {
  if (check.kind === "exec") return probeCommand(check.command, inspect, engine, signal);
  const host = check.host === CONTAINER ? await addressOf(inspect, engine) : check.host;
  if (host === undefined) return failProbe("it has no IP address of its own");
  return check.kind === "tcp" ? probeTcp(host, check.port, signal) : probeHttp(check, host, signal);
}

/**
 * The container's first address, or that of the container whose network it shares. On the host's network it is the
 * address of the Engine.
 */
async function addressOf(
  inspect: ContainerInspection,
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

/** Does not verify the certificate at a container's address: no certificate contains that address. */
async function probeHttp(
  check: Probe & { readonly kind: "http" },
  host: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { port, path, tls } = check;
  const options = { host, port, path, signal, agent: false as const };
  const clientRequest = tls
    ? requestTls({ ...options, rejectUnauthorized: check.host !== CONTAINER })
    : request(options);
  clientRequest.end();
  const [{ statusCode = 0 }] = (await once(clientRequest, "response")) as [{ statusCode?: number }];
  clientRequest.on("error", () => undefined).destroy();
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
  inspect: ContainerInspection,
  engine: Engine,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { code, output } = await runInside(engine, inspect.Id, command, signal);
  return code === 0
    ? PASSED
    : failProbe(`exit code ${code ?? "unknown"}: ${redactOutput(output, inspect.Config.Env)}`);
}
