// Opens the one connection to NATS that each service has. It relies on these facts: by default a client gives up for
// good after ten tries; only pings reveal half-open connections; servers before 2.10 silently lose refusals (NATS
// ADR-13).
import {
  type Authenticator,
  AuthorizationError,
  type NatsConnection,
  type NodeConnectionOptions,
  TimeoutError,
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  usernamePasswordAuthenticator,
} from "nats";
import type { Logger } from "pino";
import * as z from "zod";
import type { Clock } from "../clock.ts";
import { CannotStart } from "../errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { natsErrors } from "../catalogue/nats-errors.ts";
import { settingErrors } from "../catalogue/start-errors.ts";
import type { Health } from "../runtime/health.ts";
import { greets } from "./nats-greeting.ts";
import type { Settings } from "../settings/settings.ts";
import { isOlder } from "../version.ts";

export type NatsSettings = Pick<
  Settings,
  | "NATS_URL"
  | "NATS_USER"
  | "NATS_PASSWORD"
  | "NATS_CREDS"
  | "NATS_NKEY"
  | "NATS_CA"
  | "NATS_CERT"
  | "NATS_KEY"
>;
const RETRY_MS = 250;
const GREETING_TIMEOUT_MS = 5000;
export const OLDEST_NATS_VERSION = "2.10";

interface ConnectionContext {
  readonly settings: NatsSettings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly health: Health;
}

/** For a service that has no use for a NATS of its own. @throws CannotStart */
export function requireNatsUrl({ NATS_URL }: Pick<Settings, "NATS_URL">): void {
  const value = "the NATS where the updater publishes";
  if (NATS_URL === "")
    throw new CannotStart(messageOf(settingErrors.settingMissing, { setting: "NATS_URL", value }));
}

/**
 * Waits until NATS answers, however long that takes; the connection then reconnects forever. Undefined when the
 * signal aborts first.
 * @throws CannotStart where the server is older than 2.10 or refuses the credentials.
 */
export async function connectUnlessStopped(
  name: string,
  { settings, log, clock, signal, health }: ConnectionContext,
): Promise<NatsConnection | undefined> {
  const state = { connected: false };
  health.addPart(`NATS (${name})`, () => (state.connected ? undefined : "not connected"));
  const options = optionsFrom(name, settings);
  let isMute = false;
  for (let isLogged = false; !signal.aborted; isLogged = true) {
    if (isMute && !(await greets(settings.NATS_URL, GREETING_TIMEOUT_MS))) {
      await clock.sleep(RETRY_MS, signal);
      continue;
    }
    try {
      return await acceptConnection(await connect(options), { settings, log, state });
    } catch (error) {
      if (error instanceof CannotStart) throw error;
      if (error instanceof AuthorizationError) throw cannotUse(settings, error);
      isMute = error instanceof TimeoutError;
      const fields = { nats: maskUrl(settings.NATS_URL), because: explainFailure(error) };
      if (!isLogged) log.warn(fields, "NATS does not answer; waiting for it");
      await clock.sleep(RETRY_MS, signal);
    }
  }
  return undefined;
}

/**
 * Flushes unsent messages, if NATS is there, and closes. Unclosed, a connection that is down would wait for its
 * server.
 */
export async function closeNats(nats: NatsConnection): Promise<void> {
  if (!nats.isClosed()) await nats.drain().catch(() => nats.close());
}

const cannotUse = (settings: NatsSettings, cause: unknown): CannotStart =>
  new CannotStart(
    messageOf(cause instanceof AuthorizationError ? natsErrors.accessDenied : natsErrors.unreachable, {
      url: maskUrl(settings.NATS_URL),
      because: explainFailure(cause),
    }),
    cause instanceof TimeoutError ? {} : { cause },
  );

const explainFailure = (error: unknown): string =>
  error instanceof TimeoutError
    ? `it does not greet within ${GREETING_TIMEOUT_MS / 1000} s`
    : (error as Error).message;

interface AcceptOptions {
  readonly settings: NatsSettings;
  /** Without a log, status changes of the connection are not logged. */
  readonly log?: Logger;
  /** Kept up to date from now on. */
  readonly state: { connected: boolean };
}

async function acceptConnection(
  nats: NatsConnection,
  { settings, log, state }: AcceptOptions,
): Promise<NatsConnection> {
  const { version = "0.0.0" } = nats.info ?? {};
  if (isOlder(version, OLDEST_NATS_VERSION)) {
    await nats.close();
    throw new CannotStart(messageOf(natsErrors.tooOld, { version, url: maskUrl(settings.NATS_URL) }));
  }
  state.connected = true;
  if (log !== undefined) void logStatusChanges(nats, log, state);
  return nats;
}

/**
 * Connects in one try, for commands that should fail rather than wait; the connection then reconnects forever.
 * @throws CannotStart where NATS does not answer, is older than 2.10 or refuses the credentials.
 */
export async function connectNow(name: string, settings: NatsSettings): Promise<NatsConnection> {
  const nats = await connect(optionsFrom(name, settings)).catch((cause: unknown) => {
    throw cannotUse(settings, cause);
  });
  return acceptConnection(nats, { settings, state: { connected: true } });
}

/** Whether NATS accepts a connection, in one try. For callers that can go on without it. */
export async function isNatsAnswering(settings: NatsSettings): Promise<boolean> {
  const probe = {
    ...optionsFrom("probe", settings),
    maxReconnectAttempts: 0,
    timeout: 3000,
  };
  try {
    await (await connect(probe)).close();
    return true;
  } catch {
    return false;
  }
}

function optionsFrom(name: string, settings: NatsSettings): NodeConnectionOptions {
  const identity = identityOf(settings);
  const tls = {
    ...(settings.NATS_CA && { caFile: settings.NATS_CA }),
    ...(settings.NATS_CERT && { certFile: settings.NATS_CERT }),
    ...(settings.NATS_KEY && { keyFile: settings.NATS_KEY }),
  };
  return {
    servers: settings.NATS_URL.split(","),
    name: `ouroboros ${name}`,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: false,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5000,
    maxPingOut: 2,
    timeout: GREETING_TIMEOUT_MS,
    ...(identity && { inboxPrefix: `_INBOX_${identity}` }),
    ...(Object.keys(tls).length > 0 && { tls }),
    authenticator: authenticatorsFrom(settings),
  };
}

function authenticatorsFrom(settings: NatsSettings): Authenticator[] {
  const encoded = (secret: string) => new TextEncoder().encode(secret);
  return [
    ...(settings.NATS_USER
      ? [usernamePasswordAuthenticator(settings.NATS_USER, settings.NATS_PASSWORD)]
      : []),
    ...(settings.NATS_CREDS ? [credsAuthenticator(encoded(settings.NATS_CREDS))] : []),
    ...(settings.NATS_NKEY ? [nkeyAuthenticator(encoded(settings.NATS_NKEY))] : []),
  ];
}

/**
 * The name by which NATS knows this client: the user, else the public key. It prefixes the inbox, so that no other
 * user may listen to the answers.
 * @throws CannotStart where the seed or the credentials are malformed.
 */
function identityOf({ NATS_USER, NATS_NKEY, NATS_CREDS }: NatsSettings): string | undefined {
  if (NATS_USER !== "") return NATS_USER;
  try {
    if (NATS_NKEY !== "") return nkeys.fromSeed(new TextEncoder().encode(NATS_NKEY)).getPublicKey();
    if (NATS_CREDS !== "") return Claims.parse(claimsIn(NATS_CREDS)).sub;
  } catch (cause) {
    const name = NATS_NKEY === "" ? "NATS_CREDS" : "NATS_NKEY";
    throw new CannotStart(messageOf(settingErrors.secretUnusable, { setting: name, value: ALLOWED[name] }), {
      cause,
    });
  }
  return undefined;
}

const ALLOWED = { NATS_NKEY: "the seed of a user's nkey (SU…)", NATS_CREDS: "the text of a .creds file" };

/** The claims of the user's JWT, the first block of a credentials file. */
function claimsIn(credentials: string): unknown {
  const [, jwt = ""] = /-----BEGIN NATS USER JWT-----\s+(\S+)/.exec(credentials) ?? [];
  return JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString());
}

const Claims = z.object({ sub: z.string().regex(/^U[A-Z2-7]{55}$/) });

export const maskUrl = (url: string): string => url.replace(/\/\/[^@/]*@/, "//…@");

async function logStatusChanges(
  nats: NatsConnection,
  log: Logger,
  state: AcceptOptions["state"],
): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type === "disconnect") state.connected = false;
    if (status.type === "reconnect") state.connected = true;
    if (status.type === "error") log.error({ err: status.error }, "NATS error");
    else if (status.type === "disconnect")
      log.warn({ server: status.server }, "connection to NATS lost; waiting for it");
    else if (status.type === "reconnect") log.warn({ server: status.server }, "connected to NATS again");
  }
}
