// `ouroboros healthcheck`: asks the program that runs in the same container whether it is ready, for Docker's
// HEALTHCHECK and Kubernetes' exec probes. It imports as little as possible, because it runs every half minute.
import { readEnvValue, unquote } from "../../shared/settings/env-value.ts";
import type { Terminal } from "../framework/terminal.ts";

const TIMEOUT_MS = 4000;

/** Resolves with the exit code: 0, or 1 after printing what is wrong. */
export async function healthcheck(
  path: "/readyz" | "/healthz",
  { env, stdout, stderr }: Pick<Terminal, "env" | "stdout" | "stderr">,
): Promise<number> {
  const port = readHealthPort(env);
  if (port instanceof Error) {
    stderr.write(`HEALTH_PORT_FILE: ${port.message}\n`);
    return 1;
  }
  if (port === "" || /^(?:off|no|false|none)$/i.test(port)) {
    stdout.write("HEALTH_PORT is off: nothing is asked\n");
    return 0;
  }
  const { status, body } = await requestHealth(Number(port), path);
  (status === 200 ? stdout : stderr).write(body);
  return status === 200 ? 0 : 1;
}

function readHealthPort(env: NodeJS.ProcessEnv): string | Error {
  try {
    return unquote(readEnvValue(env, "HEALTH_PORT") ?? "");
  } catch (error) {
    return error as Error;
  }
}

async function requestHealth(
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const { get } = await import("node:http"); // which the bundle of all commands would load for each of them
  return new Promise((resolve) => {
    const failed = ({ message }: Error): void =>
      resolve({ status: 0, body: `no answer at 127.0.0.1:${port}: ${message}\n` });
    const request = get({ host: "127.0.0.1", port, path, timeout: TIMEOUT_MS, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body })).on("error", failed);
    });
    request.on("error", failed).on("timeout", () => request.destroy(new Error("out of time")));
  });
}
