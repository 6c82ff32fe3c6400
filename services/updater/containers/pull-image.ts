// Pulls images. The Engine answers 200 and reports failures inside the stream, so every line is read.
import * as z from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { HelperFailed } from "../../../shared/registry/credential-helper.ts";
import {
  type CredentialSettings,
  authConfigOf,
  findCredentials,
} from "../../../shared/registry/credentials.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import { readBoundRegistry } from "../../../shared/registry/bound-registry.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import { retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import type { Bus } from "../bus.ts";

/** A pull without progress for this long is given up. */
const SILENCE_MS = 300_000;

const Line = z.object({
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string() }).partial().optional(),
});

interface PullOptions {
  readonly engine: Engine;
  readonly ref: ImageRef;
  /** `os/arch[/variant]` if it is not the Engine's own platform. */
  readonly platform: string | undefined;
  readonly settings: CredentialSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * The credentials for a pull. If REPO_REGISTRY is not set, REPO_USER belongs to the registry that the poller found.
 */
export async function readCredentialSettings({
  context,
  hosts,
  host,
  ...publishing
}: Bus): Promise<CredentialSettings> {
  const bound = await retryUntilAnswered(publishing, () =>
    readBoundRegistry(hosts, host.name, context.settings),
  );
  return { ...context.settings, bound };
}

/** A function that pulls images with these options. */
export const makeImageFetcher =
  (
    options: Pick<PullOptions, "engine" | "clock" | "signal"> & {
      readonly settings: CredentialSettings | (() => Promise<CredentialSettings>);
    },
  ) =>
  async (wanted: Pick<PullOptions, "ref" | "platform">): Promise<void> => {
    const settings = typeof options.settings === "function" ? await options.settings() : options.settings;
    await pullImage({ ...options, ...wanted, settings });
  };

/** @throws Error with the message of the Engine or the registry. */
export async function pullImage({
  engine,
  ref,
  platform,
  settings,
  clock,
  signal,
}: PullOptions): Promise<void> {
  let helperFailure = "";
  const credentials = await findCredentials(ref.registry, settings).catch((error: unknown) => {
    if (!(error instanceof HelperFailed)) throw error;
    helperFailure = `; ${error.message}`;
    return undefined;
  });
  const silent = new AbortController();
  const ended = AbortSignal.any([signal, silent.signal]);
  let heard = clock.monotonic();
  using _watch = clock.every(5000, () => {
    if (clock.monotonic() - heard > SILENCE_MS)
      silent.abort(new Error(`no progress for ${SILENCE_MS / 1000} s`));
  });
  const stream = (await engine.dockerWithoutTimeout.createImage({
    fromImage: ref.name,
    tag: ref.tag,
    abortSignal: ended,
    ...(platform !== undefined && { platform }),
    ...(credentials && { authconfig: authConfigOf(credentials, ref.registry) }),
  })) as unknown as AsyncIterable<Buffer>;
  for await (const line of linesOf(stream)) {
    heard = clock.monotonic();
    const progress = Line.safeParse(parseJson(line));
    const error = progress.success ? (progress.data.errorDetail?.message ?? progress.data.error) : undefined;
    if (error !== undefined) throw new Error(`${error}${helperFailure}`);
  }
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}
