// The HTTP endpoint that registries notify: POST /push with a signature or a token, or POST /push/SECRET. Whoever does not know the
// secret costs little: the body is read for a signature alone, up to a limit, and only some wrong tries of an
// address are looked at. The right secret is always let in, so nobody can shut out others who share an address, as
// behind a proxy. What comes is read and collected; nothing is asked meanwhile.
import type { Server } from "node:http";
import { type HttpBindings, createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import { type PushedImage, nameOf } from "../../shared/contract/pushed-image.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { explain } from "../../shared/errors.ts";
import { Attempts } from "../../shared/runtime/attempts.ts";
import { listenOn, stopping } from "../../shared/runtime/http-server.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { type ProofFacts, hasShownSecret, isSigned, signaturesIn } from "./proof.ts";
import { readNotification } from "./read-notification.ts";

export interface PushParts extends Pick<Observing, "log" | "clock"> {
  readonly secret: string;
  /** False where there is no room now. */
  readonly collect: (image: PushedImage) => boolean;
}

/** A pipeline of GitLab lists all its jobs, in nearly a kilobyte each. */
const MAX_BODY = 512 * 1024;
const NOTHING = Buffer.alloc(0);
const MAX_CONNECTIONS = 100;
/** Requests with the right secret. */
const RATE = { most: 100, perMs: 10_000 };

type PushContext = Context<{ readonly Bindings: HttpBindings }>;

export function makePushApp(parts: PushParts): Hono<{ Bindings: HttpBindings }> {
  const { log, clock, secret } = parts;
  const attempts = new Attempts(clock);
  let rate = { since: Number.NEGATIVE_INFINITY, requests: 0 };
  const isTooOften = (): boolean => {
    if (clock.monotonic() - rate.since >= RATE.perMs) rate = { since: clock.monotonic(), requests: 0 };
    return ++rate.requests > RATE.most;
  };
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.notFound((c) => c.json({ because: "there is only POST /push" }, 404));
  app.onError((error, c) => {
    log.error({ because: explain(error) }, "a notification of a registry failed");
    return c.json({ because: "it failed; the log says why" }, 500);
  });
  const take = async (c: PushContext) => {
    const facts = factsOf(c);
    const isShown = hasShownSecret(facts, secret);
    const address = c.env.incoming.socket.remoteAddress ?? "";
    const wait = isShown ? 0 : attempts.waitFor(address);
    if (wait > 0) return tooMany(c, wait, "too many wrong secrets came from this address");
    const signatures = isShown ? [] : signaturesIn(facts);
    const body = isShown || signatures.length > 0 ? await readBody(c.req.raw) : NOTHING;
    if (body === undefined) {
      if (!isShown) attempts.noteFailure(address);
      return c.json({ because: `a notification comes whole, and has at most ${MAX_BODY} bytes` }, 413);
    }
    if (!isShown && !isSigned(body, signatures, secret)) {
      attempts.noteFailure(address);
      log.warn({ address }, "somebody notified with a wrong secret");
      return c.json({ because: "the secret or the signature is wrong or missing" }, 401);
    }
    if (isTooOften()) return tooMany(c, RATE.perMs / 1000, "too many notifications at a time");
    return collectFrom(c, body.toString(), parts);
  };
  app.post("/push", take);
  app.post("/push/:secret", take);
  return app;
}

const factsOf = (c: PushContext): ProofFacts => ({
  path: c.req.param("secret") ?? "",
  header: (name) => c.req.header(name),
});

/** Undefined where it is too large, of which no more is read, or was cut off. */
async function readBody({ body }: Request): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const parts: AsyncIterable<Uint8Array> | readonly Uint8Array[] = body ?? [];
  try {
    for await (const chunk of parts) {
      bytes += chunk.byteLength;
      if (bytes > MAX_BODY) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function tooMany(c: PushContext, seconds: number, because: string): Response {
  c.header("retry-after", String(seconds));
  return c.json({ because }, 429);
}

function collectFrom(c: PushContext, text: string, { collect, log }: PushParts): Response {
  const body = parseJson(text);
  if (body === undefined) return c.json({ because: "the body is not JSON" }, 400);
  const read = readNotification(body);
  if (read === undefined)
    return c.json({ because: "no registry is known whose notification of a push looks like this" }, 422);
  const { sender, images } = read;
  log.debug({ sender, images: images.map(nameOf) }, "a registry has notified");
  if (!images.map(collect).every(Boolean)) return tooMany(c, 10, "too many images wait to be looked at");
  return c.json({ sender, images: images.map(nameOf) }, 202);
}

/** @throws CannotStart where the address is not one of this machine's, or the port is in use. */
export async function servePush(
  parts: PushParts,
  place: { readonly address: string; readonly port: number },
): Promise<AsyncDisposable> {
  const server = createAdaptorServer({
    fetch: makePushApp(parts).fetch,
    serverOptions: { requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 16_384 },
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  await listenOn(server, place, (values) => messageOf(observerErrors.pushAddress, values));
  server.on("error", () => undefined); // one connection's; without a listener it ends the program
  return stopping(server);
}
