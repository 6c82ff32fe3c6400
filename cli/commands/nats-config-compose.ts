// `ouroboros nats-config compose`: compose.yaml runs it before its services each time it is brought up. It makes
// users, keys and certificates once, and gives each service only its own key, in a volume of its own.
import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openEngine } from "../../shared/docker/engine.ts";
import { loadTls } from "../../shared/docker/engine-tls.ts";
import { NotDone, explain } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { readSettings } from "../../shared/settings/read-settings.ts";
import type { Settings } from "../../shared/settings/settings.ts";

import { observerNames } from "../../shared/contract/observers.ts";
import { writeNatsFolder } from "./nats-config.ts";
import { type User, userName } from "../../nats/permissions.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, printJson } from "../framework/terminal.ts";

/** Path of a service's folder, as the service sees it. */
const MOUNT_PATH = "/run/secure";
const URL_INSIDE = "tls://nats:4222";
const PARTICIPANT = /^participant_(.+)\.nk$/;

/** The services of compose.yaml, and the user whose key each of them gets. */
const serviceUsers = (host: string, webhook: string): readonly (readonly [service: string, user: User])[] => [
  ["poller", { role: "poller", name: host }],
  ["updater", { role: "updater", name: host }],
  ["hook-executor", { role: "exec", name: host }],
  ["webhook", { role: "participant", name: webhook }],
  ["operator", { role: "operator", name: "" }],
  ...observerNames.map((name) => [name, { role: "observer", name }] as const),
];

export const runCompose: CommandRunner<"nats-config compose"> = async (given, terminal) => {
  const settings = readSettings(terminal.env, new Map<string, string>());
  const host = await findHostName(settings, terminal);
  const isElsewhere = settings.NATS_URL !== "";
  const all = join(given.FOLDER, "all");
  const existing = await participantsIn(join(all, "users"));
  const participants = [...new Set([settings.WEBHOOK_NAME, ...existing, ...given.participants])];
  try {
    await mkdir(all, { recursive: true, mode: 0o700 });
    await writeNatsFolder({
      ...{ FOLDER: all, hosts: [host], participants, watchers: [], readers: [], observers: observerNames },
      ...{ "with-password": [], "server-names": given["server-names"], "hub-url": "" },
      "server-folder": "/etc/nats/secure",
    });
    await copyServerFiles(join(all, "nats"), join(given.FOLDER, "nats"));
    for (const [service, user] of serviceUsers(host, settings.WEBHOOK_NAME)) {
      const files = { ...(isElsewhere ? NO_KEY_FILES : keyFilesOf(all, user)), host };
      const written = writeServiceFolder(join(given.FOLDER, service), files);
      await (user.role === "observer" ? written.catch(ignoreReadOnly) : written);
    }
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new NotDone(
      messageOf(commandErrors.folderUnwritable, { folder: given.FOLDER, because: explain(error) }),
      { cause: error },
    );
  }
  if (given.json) printJson(terminal, { host, participants });
  else terminal.stdout.write(`keys for ${host} are in place\n`);
  return 0;
};

/** A compose file of an earlier version has no volume for an observer's key, and no observer. */
function ignoreReadOnly(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "EROFS") throw error;
}

/** A socket proxy in front of the Engine may have been started just now. */
const ENGINE_WAIT_MS = 15_000;
const RETRY_MS = 500;

/** The name of the one host. @throws NotDone where several are configured, or the Engine does not answer. */
async function findHostName(settings: Settings, { clock }: Terminal): Promise<string> {
  const [host, ...others] = settings.OUROBOROS_HOST;
  const [socket = "", ...more] = settings.DOCKER_SOCKETS;
  if (others.length + more.length > 0) throw new NotDone(messageOf(commandErrors.oneEngineOnly));
  if (host !== undefined) return host;
  for (const deadline = clock.monotonic() + ENGINE_WAIT_MS; ;) {
    try {
      const tls = await loadTls(socket, settings, clock.now());
      return (await openEngine(socket, settings.DOCKER_TIMEOUT, { tls })).hostname;
    } catch (error) {
      if (clock.monotonic() > deadline)
        throw new NotDone(messageOf(commandErrors.hostNameUnknown, { socket, because: explain(error) }), {
          cause: error,
        });
      await clock.sleep(RETRY_MS);
    }
  }
}

const participantsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).flatMap((file) => PARTICIPANT.exec(file)?.[1] ?? []);

interface ServiceKeyFiles {
  /** Paths of the files to copy; undefined where the service gets none. */
  readonly ca: string | undefined;
  readonly key: string | undefined;
}

/** For a NATS_URL that names another server: user and password then come from the settings too. */
const NO_KEY_FILES: ServiceKeyFiles = { ca: undefined, key: undefined };

const keyFilesOf = (all: string, user: User): ServiceKeyFiles => ({
  ca: join(all, "ca.pem"),
  key: join(all, "users", `${userName(user)}.nk`),
});

/**
 * Writes all files of one service, which reads them by NATS_URL_FILE, NATS_CA_FILE, NATS_NKEY_FILE and
 * OUROBOROS_HOST_FILE.
 */
async function writeServiceFolder(
  folder: string,
  { ca, key, host }: ServiceKeyFiles & { readonly host: string },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await replaceText(folder, "url", key === undefined ? "" : URL_INSIDE);
  await replaceText(folder, "ca", ca === undefined ? "" : `${MOUNT_PATH}/ca.pem`);
  await replaceText(folder, "host", host);
  if (ca !== undefined) await replaceFile(folder, "ca.pem", (file) => copyFile(ca, file));
  await replaceFile(folder, "key.nk", (file) =>
    key === undefined ? writeFile(file, "") : copyFile(key, file),
  );
}

async function copyServerFiles(from: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(from))
    await replaceFile(folder, name, (file) => copyFile(join(from, name), file));
}

const replaceText = (folder: string, name: string, text: string): Promise<void> =>
  replaceFile(folder, name, (file) => writeFile(file, text));

/**
 * Replaces the file atomically. The mode of the hook-executor's key lets nobody read it: root does, with a capability
 * that scripts do not have.
 */
async function replaceFile(
  folder: string,
  name: string,
  make: (file: string) => Promise<void>,
): Promise<void> {
  const next = join(folder, `.${name}.next`);
  await rm(next, { force: true });
  await make(next);
  await chmod(next, folder.endsWith("/hook-executor") && name === "key.nk" ? 0 : 0o600);
  await rename(next, join(folder, name));
}
