// The inspect documents of containers that are being replaced, kept in DATA_DIR until the replacing is over. They hold
// the environment, and so secrets: readable for their owner only, never on NATS.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectRoom } from "../../../shared/data-dir.ts";
import { CannotStart } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/messages.ts";
import type { Context, Host } from "../../../shared/run-service.ts";
import { token } from "../../../shared/tokens.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { fileNameOf } from "./file-name.ts";

/** Updaters of several hosts may share DATA_DIR. */
interface DocumentsPlace {
  readonly settings: Pick<Context["settings"], "DATA_DIR">;
  readonly host: Pick<Host, "name">;
}

const folderOf = (dataDir: string): string => join(dataDir, "replaced");
const shelfOf = ({ settings, host }: DocumentsPlace): string =>
  join(folderOf(settings.DATA_DIR), token(host.name));
const fileOf = (run: string, name: string): string => `${run}-${fileNameOf(name)}.json`;

/** @throws CannotStart where DATA_DIR cannot be written. */
export async function prepareDocuments(dataDir: string): Promise<void> {
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new CannotStart(
      `DATA_DIR ${dataDir} cannot be written (${(cause as Error).message}): set DATA_DIR to a folder that can`,
      { cause },
    );
  });
  await expectRoom(dataDir);
}

export async function keepDocument(
  place: DocumentsPlace,
  run: string,
  document: ContainerDocument,
): Promise<void> {
  await mkdir(shelfOf(place), { recursive: true, mode: 0o700 }); // somebody may have removed it since the start
  const file = join(shelfOf(place), fileOf(run, document.Name.replace(/^\//, "")));
  await writeFile(file, JSON.stringify(document), { mode: 0o600 });
}

/** Undefined where there is none that can be read. */
export async function readDocument(
  place: DocumentsPlace,
  run: string,
  name: string,
): Promise<ContainerDocument | undefined> {
  const text = await readFile(join(shelfOf(place), fileOf(run, name)), "utf8").catch(() => "");
  return parseJson(text) as ContainerDocument | undefined; // this program wrote it
}

/** Runs of which this DATA_DIR has a document: it is the home of who began them. */
export async function runsWithDocuments(place: DocumentsPlace): Promise<readonly string[]> {
  const files = await readdir(shelfOf(place)).catch(() => []);
  return [...new Set(files.map((file) => file.slice(0, file.indexOf("-"))))];
}

export async function dropDocument(place: DocumentsPlace, run: string, name: string): Promise<void> {
  await rm(join(shelfOf(place), fileOf(run, name)), { force: true });
}

/** Those of all other runs: where the journal was lost, nobody else knows that they are over. */
export async function dropOtherDocuments(place: DocumentsPlace, runs: readonly string[]): Promise<void> {
  const files = await readdir(shelfOf(place)).catch(() => []);
  for (const file of files)
    if (!runs.some((run) => file.startsWith(`${run}-`)))
      await rm(join(shelfOf(place), file), { force: true });
}
