// Why a file in the hooks folder cannot be run, or must not be: one sentence and its remedy. Such a script counts as
// failed; to leave it out in silence would leave a gate open.
import { constants } from "node:fs";
import { type MessageEntry, reasonOf, remedyOf } from "../../shared/catalogue/entry.ts";
import { scriptFaults } from "../../shared/catalogue/update-failures.ts";
import { access, open, readFile, realpath, stat } from "node:fs/promises";
import { delimiter, dirname, extname, join } from "node:path";

export type ScriptKind = "python" | "module" | "executable";

export interface Fault {
  readonly because: string;
  readonly mend: string;
}

type FaultEntry = (typeof scriptFaults)[keyof typeof scriptFaults];

const faultFrom = (entry: FaultEntry, values: Readonly<Record<string, string>>): Fault => ({
  because: reasonOf<MessageEntry>(entry, values),
  mend: remedyOf<MessageEntry>(entry, values),
});

const ANYBODY_MAY_WRITE = 0o002;
const HEAD_BYTES = 256;
const SHELL = [".sh", ".bash", ".zsh", ".ksh"];

/** Whether a file without an executable bit is still meant as a script: it has a `#!` line or a shell's extension. */
export const looksLikeScript = async (file: string): Promise<boolean> =>
  SHELL.includes(extname(file)) || (await headOf(file)).startsWith("#!");

/** `folders` are the folders on the path to the file, from the hooks folder on. */
export async function faultOf(
  file: string,
  kind: ScriptKind,
  folders: readonly string[],
): Promise<Fault | undefined> {
  const writable = await findWorldWritable([...new Set([...folders, dirname(await realpath(file))])], file);
  if (writable !== undefined) return writable;
  if (kind === "python") return checkInterpreter("python3", "python3");
  if (kind === "module") return undefined;
  return (await whyNotExecutable(file)) ?? checkFirstLine(await headOf(file), file);
}

async function findWorldWritable(folders: readonly string[], file: string): Promise<Fault | undefined> {
  for (const path of [...folders, file])
    if (((await stat(path)).mode & ANYBODY_MAY_WRITE) !== 0)
      return faultFrom(scriptFaults.worldWritable, { path });
  return undefined;
}

async function whyNotExecutable(file: string): Promise<Fault | undefined> {
  if (await isExecutable(file)) return undefined;
  const { mode } = await stat(file);
  if ((mode & 0o111) === 0) return faultFrom(scriptFaults.notExecutable, { path: file });
  return (await isNoexec(await realpath(file)))
    ? faultFrom(scriptFaults.noexec, { path: file })
    : faultFrom(scriptFaults.notPermitted, { path: file });
}

const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

/** proc_pid_mountinfo(5): field 5 is the mount point, field 6 the options. The last of the longest matches counts. */
async function isNoexec(file: string): Promise<boolean> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8").catch(() => "")).split("\n");
  const mounts = lines.map((line) => {
    const [, , , , point = "", options = ""] = line.split(" ");
    return { point: point.replaceAll("\\040", " "), options: options.split(",") };
  });
  const matching = mounts.filter(({ point }) => point === "/" || file.startsWith(`${point}/`));
  const longest = Math.max(0, ...matching.map(({ point }) => point.length));
  return matching.findLast(({ point }) => point.length === longest)?.options.includes("noexec") ?? false;
}

/** execve(2): a text file needs a first line that names its interpreter. */
async function checkFirstLine(head: string, file: string): Promise<Fault | undefined> {
  const [line = ""] = head.split("\n");
  if (!line.startsWith("#!"))
    return head.includes("\0") ? undefined : faultFrom(scriptFaults.noInterpreter, { path: file });
  if (line.endsWith("\r")) return faultFrom(scriptFaults.windowsLineEnds, { path: file });
  const [interpreter = "", ...words] = line.slice(2).trim().split(/\s+/);
  const program = interpreter.endsWith("/env") ? words.find((word) => !/^-|=/.test(word)) : undefined;
  return (
    (await checkInterpreter(interpreter, file)) ??
    (program === undefined ? undefined : checkInterpreter(program, file))
  );
}

async function checkInterpreter(interpreter: string, file: string): Promise<Fault | undefined> {
  const folders = interpreter.includes("/") ? [""] : (process.env["PATH"] ?? "").split(delimiter);
  for (const folder of folders)
    if (await isExecutable(folder === "" ? interpreter : join(folder, interpreter))) return undefined;
  return faultFrom(scriptFaults.interpreterMissing, {
    interpreter,
    path: file === interpreter ? "it" : file,
  });
}

async function headOf(file: string): Promise<string> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return buffer.toString("latin1", 0, bytesRead);
}
