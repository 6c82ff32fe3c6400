// The file in DATA_DIR with the address and key of the private NATS, for commands that run beside the program
// (`docker exec ouroboros ouroboros status`). It exists while the program runs, and only the program's own user can
// read it.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { CannotStart, explain } from "../shared/errors.ts";
import { type UserMessage, messageOf } from "../shared/catalogue/entry.ts";
import { natsErrors } from "../shared/catalogue/nats-errors.ts";
import { parseJson } from "../shared/contract/messages.ts";
import type { NatsSettings } from "../shared/nats/nats-connection.ts";

const AccessFile = z.object({
  url: z.string().min(1),
  nkey: z.string().min(1).describe("The seed."),
});

const accessFilePath = (dataDir: string): string => join(dataDir, "nats", "access.json");

/** Writes the file; disposing of the result removes it. */
export async function writeAccessFile(
  dataDir: string,
  { NATS_URL, NATS_NKEY }: NatsSettings,
): Promise<AsyncDisposable> {
  const file = accessFilePath(dataDir);
  const temporaryFile = `${file}.new`;
  const access: z.infer<typeof AccessFile> = { url: NATS_URL, nkey: NATS_NKEY };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(temporaryFile, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  await rename(temporaryFile, file); // so that readers never see half a file
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/**
 * Undefined where there is no such file.
 * @throws CannotStart where the file exists but cannot be read.
 */
export async function readAccessFile(
  dataDir: string,
): Promise<Pick<NatsSettings, "NATS_URL" | "NATS_NKEY"> | undefined> {
  const file = accessFilePath(dataDir);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CannotStart(messageOf(natsErrors.accessFileUnreadable, { file, because: explain(error) }), {
      cause: error,
    });
  });
  if (text === undefined) return undefined;
  const access = AccessFile.safeParse(parseJson(text));
  if (!access.success) throw new CannotStart(messageOf(natsErrors.accessFileDamaged, { file }));
  return { NATS_URL: access.data.url, NATS_NKEY: access.data.nkey };
}

/** The error message where a NATS whose address came from the file does not answer. */
export const staleAccessMessage = (dataDir: string, url: string): UserMessage =>
  messageOf(natsErrors.noLongerRuns, { url, file: accessFilePath(dataDir) });
