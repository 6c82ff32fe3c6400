// The credentials for a registry, or why there are none although some are configured: then the registry is asked
// without.
import {
  type CredentialSettings,
  type Credentials,
  findCredentials,
} from "../../../shared/registry/credentials.ts";
import { HelperFailed } from "../../../shared/registry/credential-helper.ts";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { credentialErrors } from "../../../shared/catalogue/registry-errors.ts";
import { explain } from "../../../shared/errors.ts";
import { NoDigest } from "./registry-error.ts";

export interface FoundLogin {
  readonly credentials: Credentials | undefined;
  readonly trouble?: string;
}

/** @throws NoDigest where the Docker client's configuration cannot be used. */
export async function findLogin(registry: string, from: CredentialSettings): Promise<FoundLogin> {
  try {
    return { credentials: await findCredentials(registry, from) };
  } catch (cause) {
    if (cause instanceof HelperFailed) return { credentials: undefined, trouble: cause.message };
    throw new NoDigest(reasonOf(credentialErrors.unusable, { because: explain(cause) }), { cause });
  }
}
