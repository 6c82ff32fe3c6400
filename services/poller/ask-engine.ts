// The last resort: the Engine itself is asked what a tag means at its registry, without a pull. It reaches what this
// program may not: registries at its own `localhost`, names that only it resolves, its certs.d, its proxy's login. Engine
// API: DistributionInspect, from 1.30; podman has none. It counts as a pull where a registry counts these.
import { z } from "zod";
import type { Clock } from "../../shared/clock.ts";
import { type Credentials, authConfigOf } from "../../shared/registry/credentials.ts";
import type { Engine } from "../../shared/docker/engine.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import { explain } from "../../shared/errors.ts";

const WITHIN_MS = 30_000;
const Inspected = z.object({
  Descriptor: z.object({ digest: z.string().regex(/^sha\d+:[0-9a-f]{64,128}$/) }),
});

export type EngineAnswer = { readonly digest: string } | { readonly because: string };

/** `credentials` are those of the reference's registry. */
export async function askEngineForDigest(
  { docker }: Pick<Engine, "docker">,
  ref: ImageRef,
  { credentials, clock, signal }: { credentials: Credentials | undefined; clock: Clock; signal: AbortSignal },
): Promise<EngineAnswer> {
  const over = clock.deadline(WITHIN_MS, signal);
  const silent = new Promise<EngineAnswer>((resolve) => {
    const because = `the Engine gave no answer within ${WITHIN_MS / 1000} s`;
    over.addEventListener("abort", () => resolve({ because }), { once: true });
  });
  const authconfig = credentials && authConfigOf(credentials, ref.registry);
  const inspect = docker.getImage(ref.familiar).distribution(authconfig && { authconfig });
  const said = inspect.then(
    (answer: unknown): EngineAnswer => {
      const read = Inspected.safeParse(answer);
      return read.success
        ? { digest: read.data.Descriptor.digest }
        : { because: "the Engine gave no digest" };
    },
    (error: unknown): EngineAnswer => ({ because: explain(error) }),
  );
  return Promise.race([said, silent]);
}
