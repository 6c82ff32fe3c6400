// Snapshots: how a container was before it was stopped, kept in DATA_DIR from before the first stop until its successor is
// committed or it runs again. That one is there means that its container may still be needed: recovery makes a container
// that a prune took anew from it. They hold the environment, and so secrets: readable for their owner only, never on NATS.
import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";
import { requireFreeSpace } from "../../../shared/runtime/data-dir.ts";
import { CannotStart, explain } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { containerFileName } from "./container-file-name.ts";

/** Updaters of several hosts may share DATA_DIR. */
export interface SnapshotStore {
  readonly settings: Pick<ServiceContext["settings"], "DATA_DIR">;
  readonly host: Pick<Host, "name">;
  /** It may be out of this process's reach: then none is kept. */
  readonly isOptional?: true;
}

const Container = z.looseObject({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  Image: z.string(),
  Config: z.looseObject({ Image: z.string() }),
  HostConfig: z.looseObject({ NetworkMode: z.string() }),
  Mounts: z.array(z.looseObject({ Type: z.string(), Destination: z.string() })),
  NetworkSettings: z.looseObject({}),
});
const Image = z.looseObject({ Id: z.string() });

const SnapshotSchema = z.object({
  version: z.literal(1),
  run: z.string(),
  engine: z.string().describe("Id of the Engine."),
  role: z.enum(["updated", "dependant", "dependency"]),
  parent: z.string().optional().describe("The container in whose transaction a dependant is recreated."),
  successor: z.string().optional().describe("Id."),
  ran: z.boolean(),
  started_at: z.string(),
  container: Container,
  image: Image,
  new_image: Image.optional(),
  networks: z.array(z.looseObject({ Id: z.string(), Name: z.string() })),
  parents: z
    .record(z.string(), z.string())
    .optional()
    .describe("Containers whose namespaces it shares: what it refers to them by, and their names."),
});

export type Snapshot = Omit<z.infer<typeof SnapshotSchema>, "container" | "image" | "new_image"> & {
  readonly container: ContainerDocument;
  readonly image: ImageDocument;
  readonly new_image?: ImageDocument | undefined;
};

/** An inspect document alone with its environment has some ten kilobytes. */
const MOST_BYTES = 4_000_000;
const DAMAGED = ".damaged";
const MOST_DAMAGED = 20;

const folderOf = (dataDir: string): string => join(dataDir, "replaced");
const storeFolder = ({ settings, host }: SnapshotStore): string =>
  join(folderOf(settings.DATA_DIR), encodeToken(host.name));
const fileOf = (run: string, name: string): string => `${run}-${containerFileName(name)}.json`;

/** The name that its user gave it. */
export const containerNameIn = ({ container }: Pick<Snapshot, "container">): string =>
  container.Name.replace(/^\//, "");

/** @throws CannotStart where DATA_DIR cannot be written. */
export async function prepareSnapshots(dataDir: string): Promise<void> {
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new CannotStart(
      `DATA_DIR ${dataDir} cannot be written (${(cause as Error).message}): set DATA_DIR to a folder that can`,
      { cause },
    );
  });
  await requireFreeSpace(dataDir);
}

/** On the disk when it resolves; a crash leaves the one before or this one. */
export async function saveSnapshot(store: SnapshotStore, snapshot: Snapshot): Promise<void> {
  const kept = writeSnapshot(store, snapshot).catch((cause: unknown) => {
    const { DATA_DIR: dataDir } = store.settings;
    throw new Error(
      `the snapshot of ${containerNameIn(snapshot)} could not be written into DATA_DIR ${dataDir} (${explain(cause)}), and without it nothing is stopped: make room there`,
      { cause },
    );
  });
  await (store.isOptional ? kept.catch(() => undefined) : kept);
}

async function writeSnapshot(store: SnapshotStore, snapshot: Snapshot): Promise<void> {
  await mkdir(storeFolder(store), { recursive: true, mode: 0o700 }); // somebody may have removed it since the start
  const file = join(storeFolder(store), fileOf(snapshot.run, containerNameIn(snapshot)));
  await using handle = await open(`${file}.new`, "w", 0o600);
  await handle.writeFile(JSON.stringify(snapshot));
  await handle.sync();
  await rename(`${file}.new`, file);
}

/** Undefined where there is none that can be read. */
export async function readSnapshot(
  store: SnapshotStore,
  run: string,
  name: string,
): Promise<Snapshot | undefined> {
  const text = await readFile(join(storeFolder(store), fileOf(run, name)), "utf8").catch(() => "");
  return parseSnapshot(text, run);
}

/** One that was taken of it as a dependency, and not as what is updated. */
export async function dropDependencySnapshot(store: SnapshotStore, run: string, name: string): Promise<void> {
  if ((await readSnapshot(store, run, name))?.role === "dependency") await dropSnapshot(store, run, name);
}

/** One that was taken of it as what is updated: a dependency may still be stopped, and needs its own until it runs. */
export async function dropUpdatedSnapshot(store: SnapshotStore, run: string, name: string): Promise<void> {
  if ((await readSnapshot(store, run, name))?.role !== "dependency") await dropSnapshot(store, run, name);
}

export async function dropSnapshot(store: SnapshotStore, run: string, name: string): Promise<void> {
  await rm(join(storeFolder(store), fileOf(run, name)), { force: true });
}

type SnapshotReader = SnapshotStore & {
  readonly log: Logger;
  readonly host: { readonly engine: { readonly id: string } };
};

/** All of this host, the newest first. One that cannot be read is told, set aside and harms nothing else. */
export async function readSnapshots(reading: SnapshotReader): Promise<Snapshot[]> {
  const folder = storeFolder(reading);
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".json"));
  const found: { readonly snapshot: Snapshot; readonly keptAt: number }[] = [];
  for (const file of files) {
    try {
      const { size, mtimeMs } = await stat(join(folder, file));
      const text = size > MOST_BYTES ? "" : await readFile(join(folder, file), "utf8");
      const snapshot = parseSnapshot(text, file.split("-")[0] ?? "");
      if (snapshot === undefined) await setAside(reading, file);
      else if ([reading.host.engine.id, ""].includes(snapshot.engine))
        found.push({ snapshot, keptAt: mtimeMs });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      reading.log.warn({ file: join(folder, file), because: explain(error) }, "snapshot cannot be read");
    }
  }
  return found.sort((one, other) => other.keptAt - one.keptAt).map(({ snapshot }) => snapshot);
}

/** Runs of which this DATA_DIR has a snapshot: it is the home of who began them. */
export const findRunsWithSnapshots = async (store: SnapshotStore): Promise<readonly string[]> => [
  ...new Set((await listIntactFiles(store)).map(runOf)),
];

/** Those of all other runs: where the journal was lost, nobody else knows that they are over. */
export const dropOtherSnapshots = (store: SnapshotStore, runs: readonly string[]): Promise<void> =>
  dropFiles(store, (run) => !runs.includes(run));

/** All of a run that is over. */
export const dropSnapshotsOfRun = (store: SnapshotStore, over: string): Promise<void> =>
  dropFiles(store, (run) => run === over);

async function dropFiles(store: SnapshotStore, isOver: (run: string) => boolean): Promise<void> {
  for (const file of await listIntactFiles(store))
    if (isOver(runOf(file))) await rm(join(storeFolder(store), file), { force: true });
}

/** Names of those that are not set aside. */
async function listIntactFiles(store: SnapshotStore): Promise<string[]> {
  const files = await readdir(storeFolder(store)).catch(() => []);
  return files.filter((file) => !file.endsWith(DAMAGED));
}

const runOf = (file: string): string => file.slice(0, file.indexOf("-"));

async function setAside(reading: SnapshotReader, file: string): Promise<void> {
  const folder = storeFolder(reading);
  const aside = join(folder, `${file}${DAMAGED}`);
  await rename(join(folder, file), aside);
  reading.log.error(
    { file: aside },
    "snapshot is damaged and set aside: if a prune took its container meanwhile, that cannot be made anew",
  );
  const damaged = (await readdir(folder)).filter((one) => one.endsWith(DAMAGED)).sort();
  for (const one of damaged.slice(0, -MOST_DAMAGED)) await rm(join(folder, one), { force: true });
}

/** Also the bare inspect documents that the version before this one kept. */
function parseSnapshot(text: string, run: string): Snapshot | undefined {
  const kept = parseJson(text);
  const read = SnapshotSchema.safeParse(kept).data;
  if (read !== undefined) return read.run === run ? (read as unknown as Snapshot) : undefined;
  const bare = Container.safeParse(kept).data as unknown as ContainerDocument | undefined;
  if (bare === undefined) return undefined;
  return {
    ...{ version: 1, run, engine: "", role: "updated", ran: true, started_at: "", networks: [] },
    ...{ container: bare, image: { Id: bare.Image } },
  };
}
