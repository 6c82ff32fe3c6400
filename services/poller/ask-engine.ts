// The last resort: asks the Engine itself for the digest of a tag at its registry, without a pull. The Engine may
// reach what this process cannot: registries on its own `localhost`, names that only it resolves, its certs.d, its
// proxy's login. Engine API: DistributionInspect, from 1.30; podman has none. A registry that counts pulls
// counts it.
import * as z from "zod";
import type { Clock } from "../../shared/clock.ts";
import { type Credentials, authConfigOf } from "../../shared/registry/credentials.ts";
import type { Engine } from "../../shared/docker/engine.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import { explain } from "../../shared/errors.ts";

const TIMEOUT_MS = 30_000;
const Inspected = z.object({
  Descriptor: z.object({ digest: z.string().regex(/^sha\d+:[0-9a-f]{64,128}$/) }),
});

export type EngineAnswer = { readonly digest: string } | { readonly because: string };

/** `credentials` are for the registry of `ref`. */
export async function askEngineForDigest(
  { docker }: Pick<Engine, "docker">,
  ref: ImageRef,
  { credentials, clock, signal }: { credentials: Credentials | undefined; clock: Clock; signal: AbortSignal },
): Promise<EngineAnswer> {
  const deadline = clock.deadline(TIMEOUT_MS, signal);
  const timedOut = new Promise<EngineAnswer>((resolve) => {
    const because = `the Engine gave no answer within ${TIMEOUT_MS / 1000} s`;
    deadline.addEventListener("abort", () => resolve({ because }), { once: true });
  });
  const authconfig = credentials && authConfigOf(credentials, ref.registry);
  const inspect = docker.getImage(ref.familiar).distribution(authconfig && { authconfig });
  const answered = inspect.then(
    (answer: unknown): EngineAnswer => {
      const read = Inspected.safeParse(answer);
      return read.success
        ? { digest: read.data.Descriptor.digest }
        : { because: "the Engine gave no digest" };
    },
    (error: unknown): EngineAnswer => ({ because: explain(error) }),
  );
  return Promise.race([answered, timedOut]);
}
