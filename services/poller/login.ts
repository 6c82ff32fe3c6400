// The credentials for a registry, or why there are none though some were meant for it: then it is asked without.
import { type Bound, type Credentials, credentialsFor } from "../../shared/credentials.ts";
import { HelperFailed } from "../../shared/credential-helper.ts";
import { explain } from "../../shared/errors.ts";
import { NoDigest } from "./registry-error.ts";

export interface Login {
  readonly credentials: Credentials | undefined;
  readonly trouble?: string;
}

/** @throws NoDigest where the Docker client's configuration cannot be used. */
export async function loginFor(registry: string, from: Bound): Promise<Login> {
  try {
    return { credentials: await credentialsFor(registry, from) };
  } catch (cause) {
    if (cause instanceof HelperFailed) return { credentials: undefined, trouble: cause.message };
    throw new NoDigest(explain(cause), { cause });
  }
}
