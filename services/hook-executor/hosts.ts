// Which hosts' hooks to run: the hosts in OUROBOROS_HOST, else the only known host.
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import { CannotStart } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { settingErrors } from "../../shared/catalogue/start-errors.ts";
import { jetStreamOf } from "../../shared/nats/jetstream-client.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { decodeToken } from "../../shared/contract/subject-tokens.ts";

const RETRY_MS = 500;

/**
 * Waits for the first host where none is known yet; empty if the signal aborts first.
 * @throws CannotStart where several hosts are known.
 */
export async function hostsToServe(
  nats: NatsConnection,
  { settings, log, clock, signal }: ServiceContext,
): Promise<readonly string[]> {
  if (settings.OUROBOROS_HOST.length > 0) return settings.OUROBOROS_HOST;
  for (let isLogged = false; !signal.aborted; isLogged = true) {
    const hosts = await knownHosts(nats, log);
    if (hosts.length > 1)
      throw new CannotStart(messageOf(settingErrors.severalHosts, { hosts: hosts.join(", ") }));
    if (hosts.length === 1) return hosts;
    if (!isLogged) log.info("no host is there yet; waiting for the first");
    await clock.sleep(RETRY_MS, signal);
  }
  return [];
}

/** Empty also while the bucket does not exist. */
async function knownHosts(nats: NatsConnection, log: Logger): Promise<readonly string[]> {
  if (nats.isClosed()) throw new Error("the connection to NATS is closed");
  const hosts: string[] = [];
  try {
    const bucket = await new Kvm(jetStreamOf(nats)).open(BUCKETS.hosts, { allow_direct: true });
    for await (const key of await bucket.keys()) hosts.push(decodeToken(key));
  } catch (err) {
    log.debug({ err }, "hosts cannot be read yet");
    return [];
  }
  return hosts.sort();
}
