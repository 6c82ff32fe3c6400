// What this host itself knows of the last update of each container, in DATA_DIR: a rollback finds the image before by
// this alone. The journal says the same, but whoever may write to NATS may write to the journal.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { parseJson } from "../../../shared/contract/messages.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { containerFileName } from "./container-file-name.ts";

interface UpdateRecordsLocation {
  readonly settings: Pick<ServiceContext["settings"], "DATA_DIR">;
  readonly host: Pick<Host, "name">;
}

const UpdateRecord = z.object({
  run: z.string(),
  image: z.string().describe("The image reference it follows."),
  from: z.string().describe("Image id before."),
  from_digest: z.string().optional().describe("repository@digest of the image before."),
  to: z.string().describe("Image id after."),
  by: z.string(),
});
export type UpdateRecord = z.infer<typeof UpdateRecord>;

const folderOf = ({ settings, host }: UpdateRecordsLocation): string =>
  join(settings.DATA_DIR, "updates", encodeToken(host.name));
const fileOf = (location: UpdateRecordsLocation, container: string): string =>
  join(folderOf(location), `${containerFileName(container)}.json`);

/** A crash leaves the previous record or this one. */
export async function saveUpdateRecord(
  location: UpdateRecordsLocation,
  container: string,
  record: UpdateRecord,
): Promise<void> {
  await mkdir(folderOf(location), { recursive: true, mode: 0o700 });
  const file = fileOf(location, container);
  await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Undefined if there is none that can be read. */
export async function readUpdateRecord(
  location: UpdateRecordsLocation,
  container: string,
): Promise<UpdateRecord | undefined> {
  const text = await readFile(fileOf(location, container), "utf8").catch(() => "");
  return UpdateRecord.safeParse(parseJson(text)).data;
}
