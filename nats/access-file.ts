// Where the private NATS is, and the key to it: left in DATA_DIR for the commands that are run beside the program
// (`docker exec ouroboros ouroboros status`), for as long as it runs. Nobody but the program's own user can read it.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CannotStart, explain } from "../shared/errors.ts";
import { parseJson } from "../shared/contract/messages.ts";
import type { NatsSettings } from "../shared/nats/nats-connection.ts";

const AccessFile = z.object({
  url: z.string().min(1),
  nkey: z.string().min(1).describe("The seed."),
});

const accessFilePath = (dataDir: string): string => join(dataDir, "nats", "access.json");

/** The file is gone when this is disposed of. */
export async function writeAccessFile(
  dataDir: string,
  { NATS_URL, NATS_NKEY }: NatsSettings,
): Promise<AsyncDisposable> {
  const file = accessFilePath(dataDir);
  const unfinished = `${file}.new`;
  const access: z.infer<typeof AccessFile> = { url: NATS_URL, nkey: NATS_NKEY };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(unfinished, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  await rename(unfinished, file); // whoever reads it reads it whole
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/**
 * Undefined where no program left any.
 * @throws CannotStart where it is there and cannot be read.
 */
export async function readAccessFile(
  dataDir: string,
): Promise<Pick<NatsSettings, "NATS_URL" | "NATS_NKEY"> | undefined> {
  const file = accessFilePath(dataDir);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CannotStart(
      `${file} cannot be read (${explain(error)}): run this as the user that Ouroboros runs as, or set NATS_URL`,
      { cause: error },
    );
  });
  if (text === undefined) return undefined;
  const access = AccessFile.safeParse(parseJson(text));
  if (!access.success)
    throw new CannotStart(`${file} cannot be understood: start Ouroboros again, or set NATS_URL`);
  return { NATS_URL: access.data.url, NATS_NKEY: access.data.nkey };
}

/** What an unreachable NATS means where its address is from the file. */
export const staleAccessMessage = (dataDir: string, url: string): string =>
  `the private NATS at ${url} does not answer: the Ouroboros that left ${accessFilePath(dataDir)} does not run any more. ` +
  "Start it again, or set NATS_URL to a NATS of yours";
