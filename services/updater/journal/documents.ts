// The inspect documents of containers that are being replaced, kept in DATA_DIR until the replacing is over. They hold
// the environment, and so secrets: readable for their owner only, never on NATS.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CannotStart } from "../../../shared/errors.ts";
import { token } from "../../../shared/tokens.ts";
import type { ContainerDocument } from "../create/inspect.ts";

const folderOf = (dataDir: string): string => join(dataDir, "replaced");
const fileOf = (dataDir: string, run: string, name: string): string =>
  join(folderOf(dataDir), `${run}-${token(name)}.json`);

/** @throws CannotStart where DATA_DIR cannot be written. */
export async function prepareDocuments(dataDir: string): Promise<void> {
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new CannotStart(
      `DATA_DIR ${dataDir} cannot be written (${(cause as Error).message}): set DATA_DIR to a folder that can`,
      { cause },
    );
  });
}

export async function keepDocument(dataDir: string, run: string, document: ContainerDocument): Promise<void> {
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o700 }); // somebody may have removed it since the start
  const file = fileOf(dataDir, run, document.Name.replace(/^\//, ""));
  await writeFile(file, JSON.stringify(document), { mode: 0o600 });
}

export async function dropDocument(dataDir: string, run: string, name: string): Promise<void> {
  await rm(fileOf(dataDir, run, name), { force: true });
}
