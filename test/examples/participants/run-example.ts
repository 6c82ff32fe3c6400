// Runs a ready-made participant as a user does: the file as it is, by Node, with its settings.
import { join } from "node:path";
import { type Process, startProcess } from "../../support/stack.ts";

const FOLDER = join(import.meta.dirname, "../../../../examples/participants");

export const startExample = (file: string, name: string, env: Readonly<Record<string, string>>): Process =>
  startProcess(join(FOLDER, file), { PATH: "/usr/bin:/bin", ...env }, [name]);
