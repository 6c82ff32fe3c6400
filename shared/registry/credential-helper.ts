// Asks the programs that keep credentials for Docker's client: `docker-credential-NAME get`, with the registry on
// standard input and JSON on standard output (github.com/docker/docker-credential-helpers). Their output is never
// shown or logged.
import { execFile } from "node:child_process";
import { type UserMessage, messageOf } from "../catalogue/entry.ts";
import { credentialErrors } from "../catalogue/registry-errors.ts";
import * as z from "zod";
import { parseJson } from "../contract/messages.ts";

/** The helper cannot be used. The message names it and the remedy, and contains nothing of its output. */
export class HelperFailed extends Error {
  override readonly name = "HelperFailed";
  public constructor(message: UserMessage) {
    super(message);
  }
}

export interface StoredCredentials {
  readonly Username: string;
  readonly Secret: string;
}

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const Found = z.object({ Username: z.string(), Secret: z.string() });
/** What a helper prints on standard output where it has no credentials, by its protocol (credentials/error.go). */
const NOT_FOUND = "credentials not found in native keychain";

/** Undefined where the helper has no credentials for the server. @throws HelperFailed */
export async function askCredentialHelper(
  name: string,
  server: string,
): Promise<StoredCredentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw new HelperFailed(messageOf(credentialErrors.helperInvalid));
  const { error, stdout } = await runCredentialHelper(program, server);
  if (error === null) {
    const found = Found.safeParse(parseJson(stdout)).data;
    if (found === undefined) throw new HelperFailed(messageOf(credentialErrors.helperAnswer, { program }));
    return found.Username === "" && found.Secret === "" ? undefined : found;
  }
  if (error.code === "ENOENT") throw new HelperFailed(messageOf(credentialErrors.helperMissing, { program }));
  if (error.code === "EACCES")
    throw new HelperFailed(messageOf(credentialErrors.helperNotExecutable, { program }));
  if (error.killed === true)
    throw new HelperFailed(messageOf(credentialErrors.helperSilent, { program, seconds: TIMEOUT_MS / 1000 }));
  if (stdout.trim() === NOT_FOUND) return undefined;
  const code = String(error.code ?? error.signal);
  throw new HelperFailed(messageOf(credentialErrors.helperFailed, { program, code }));
}

interface HelperResult {
  readonly error: (Error & { code?: unknown; killed?: boolean; signal?: unknown }) | null;
  readonly stdout: string;
}

async function runCredentialHelper(program: string, input: string): Promise<HelperResult> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES } as const;
    const child = execFile(program, ["get"], options, (error, stdout) => resolve({ error, stdout }));
    child.stdin?.on("error", () => undefined); // the helper ended without reading: its exit code tells why
    child.stdin?.end(input);
  });
}
