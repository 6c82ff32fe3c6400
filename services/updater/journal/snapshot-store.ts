// Snapshots of containers before they are stopped, in DATA_DIR, kept from before the first stop until the successor
// is committed or the container runs again. As long as a snapshot exists its container may be needed: recovery uses
// it to recreate a container that a prune removed. Snapshots contain the environment, and so secrets: only their
// owner can read them, and they never go to NATS.
import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import * as z from "zod";
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { requireFreeSpace } from "../../../shared/runtime/data-dir.ts";
import { CannotStart, explain } from "../../../shared/errors.ts";
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { dataDirErrors } from "../../../shared/catalogue/start-errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { containerFileName } from "./container-file-name.ts";

/** Updaters of several hosts may share DATA_DIR. */
export interface SnapshotStore {
  readonly settings: Pick<ServiceContext["settings"], "DATA_DIR">;
  readonly host: Pick<Host, "name">;
  /** DATA_DIR may be out of this process' reach: then no snapshot is kept. */
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
  stopped_before: z
    .boolean()
    .optional()
    .describe("It was stopped as a dependency before its own update began, and is started after that."),
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
  readonly container: ContainerInspection;
  readonly image: ImageInspection;
  readonly new_image?: ImageInspection | undefined;
};

/** An inspect document with its environment alone has some ten kilobytes. */
const MAX_BYTES = 4_000_000;
const DAMAGED_SUFFIX = ".damaged";
const MAX_DAMAGED_FILES = 20;

const folderOf = (dataDir: string): string => join(dataDir, "replaced");
const storeFolder = ({ settings, host }: SnapshotStore): string =>
  join(folderOf(settings.DATA_DIR), encodeToken(host.name));
const fileOf = (run: string, name: string): string => `${run}-${containerFileName(name)}.json`;

/** The name that the user gave the container. */
export const containerNameIn = ({ container }: Pick<Snapshot, "container">): string =>
  container.Name.replace(/^\//, "");

/** @throws CannotStart where DATA_DIR cannot be written. */
export async function prepareSnapshots(dataDir: string): Promise<void> {
  await mkdir(folderOf(dataDir), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new CannotStart(messageOf(dataDirErrors.unwritable, { folder: dataDir, because: explain(cause) }), {
      cause,
    });
  });
  await requireFreeSpace(dataDir);
}

/** The snapshot is on disk when this resolves. A crash leaves the previous one or this one. */
export async function saveSnapshot(store: SnapshotStore, snapshot: Snapshot): Promise<void> {
  const writing = writeSnapshot(store, snapshot).catch((cause: unknown) => {
    throw new Error(
      messageOf(dataDirErrors.snapshotUnwritten, {
        container: containerNameIn(snapshot),
        folder: store.settings.DATA_DIR,
        because: explain(cause),
      }),
      { cause },
    );
  });
  await (store.isOptional ? writing.catch(() => undefined) : writing);
}

async function writeSnapshot(store: SnapshotStore, snapshot: Snapshot): Promise<void> {
  await mkdir(storeFolder(store), { recursive: true, mode: 0o700 }); // somebody may have removed it since the start
  const file = join(storeFolder(store), fileOf(snapshot.run, containerNameIn(snapshot)));
  await using handle = await open(`${file}.new`, "w", 0o600);
  await handle.writeFile(JSON.stringify(snapshot));
  await handle.sync();
  await rename(`${file}.new`, file);
}

/** Undefined if there is none that can be read. */
export async function readSnapshot(
  store: SnapshotStore,
  run: string,
  name: string,
): Promise<Snapshot | undefined> {
  const text = await readFile(join(storeFolder(store), fileOf(run, name)), "utf8").catch(() => "");
  return parseSnapshot(text, run);
}

/** Drops the snapshot only if it was taken of a dependency and not of a container to update. */
export async function dropDependencySnapshot(store: SnapshotStore, run: string, name: string): Promise<void> {
  if ((await readSnapshot(store, run, name))?.role === "dependency") await dropSnapshot(store, run, name);
}

/** Keeps the snapshot of a dependency: it may still be stopped, and needs its snapshot until it runs. */
export async function dropUpdatedSnapshot(store: SnapshotStore, run: string, name: string): Promise<void> {
  const snapshot = await readSnapshot(store, run, name);
  if (snapshot?.role === "dependency") return;
  if (snapshot?.stopped_before !== true) return dropSnapshot(store, run, name);
  const { new_image: _image, successor: _successor, ...kept } = snapshot;
  await saveSnapshot(store, { ...kept, role: "dependency" });
}

export async function dropSnapshot(store: SnapshotStore, run: string, name: string): Promise<void> {
  await rm(join(storeFolder(store), fileOf(run, name)), { force: true });
}

type SnapshotReader = SnapshotStore & {
  readonly log: Logger;
  readonly host: { readonly engine: { readonly id: string } };
};

/**
 * All snapshots of this host, the newest first. One that cannot be read is logged and set aside, and harms nothing
 * else.
 */
export async function readSnapshots(reader: SnapshotReader): Promise<Snapshot[]> {
  const folder = storeFolder(reader);
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".json"));
  const found: { readonly snapshot: Snapshot; readonly keptAt: number }[] = [];
  for (const file of files) {
    try {
      const { size, mtimeMs } = await stat(join(folder, file));
      const text = size > MAX_BYTES ? "" : await readFile(join(folder, file), "utf8");
      const snapshot = parseSnapshot(text, file.split("-")[0] ?? "");
      if (snapshot === undefined) await setAside(reader, file);
      else if ([reader.host.engine.id, ""].includes(snapshot.engine))
        found.push({ snapshot, keptAt: mtimeMs });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      reader.log.warn({ file: join(folder, file), because: explain(error) }, "snapshot cannot be read");
    }
  }
  return found.sort((a, b) => b.keptAt - a.keptAt).map(({ snapshot }) => snapshot);
}

/** Runs of which this DATA_DIR has a snapshot: the updater that began them uses this DATA_DIR. */
export const findRunsWithSnapshots = async (store: SnapshotStore): Promise<readonly string[]> => [
  ...new Set((await listIntactFiles(store)).map(runOf)),
];

/** Drops the snapshots of all other runs: if the journal was lost, nothing else shows that they are over. */
export const dropOtherSnapshots = (store: SnapshotStore, runs: readonly string[]): Promise<void> =>
  dropFiles(store, (run) => !runs.includes(run));

/** Drops all snapshots of a run that is over. */
export const dropSnapshotsOfRun = (store: SnapshotStore, over: string): Promise<void> =>
  dropFiles(store, (run) => run === over);

async function dropFiles(store: SnapshotStore, isOver: (run: string) => boolean): Promise<void> {
  for (const file of await listIntactFiles(store))
    if (isOver(runOf(file))) await rm(join(storeFolder(store), file), { force: true });
}

/** Names of the files that are not set aside. */
async function listIntactFiles(store: SnapshotStore): Promise<string[]> {
  const files = await readdir(storeFolder(store)).catch(() => []);
  return files.filter((file) => !file.endsWith(DAMAGED_SUFFIX));
}

const runOf = (file: string): string => file.slice(0, file.indexOf("-"));

async function setAside(reader: SnapshotReader, file: string): Promise<void> {
  const folder = storeFolder(reader);
  const aside = join(folder, `${file}${DAMAGED_SUFFIX}`);
  await rename(join(folder, file), aside);
  reader.log.error(
    { file: aside },
    "snapshot is damaged and set aside: if a prune took its container meanwhile, that cannot be made anew",
  );
  const damaged = (await readdir(folder)).filter((name) => name.endsWith(DAMAGED_SUFFIX)).sort();
  for (const name of damaged.slice(0, -MAX_DAMAGED_FILES)) await rm(join(folder, name), { force: true });
}

/** Also reads the bare inspect documents that the previous version kept. */
function parseSnapshot(text: string, run: string): Snapshot | undefined {
  const kept = parseJson(text);
  const read = SnapshotSchema.safeParse(kept).data;
  if (read !== undefined) return read.run === run ? (read as unknown as Snapshot) : undefined;
  const bare = Container.safeParse(kept).data as unknown as ContainerInspection | undefined;
  if (bare === undefined) return undefined;
  return {
    ...{ version: 1, run, engine: "", role: "updated", ran: true, started_at: "", networks: [] },
    ...{ container: bare, image: { Id: bare.Image } as ImageInspection },
  };
}
