// Compiles everything into dist/, which is also the type check. dist/.compiled is as old as the sources it was made of.
import { spawnSync } from "node:child_process";
import { cpSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

process.chdir(join(import.meta.dirname, ".."));
const begun = new Date();
rmSync("dist", { recursive: true, force: true });
const compiler = ["node_modules/typescript7/bin/tsc"];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
// What services read beside their code: Python programs, templates.
cpSync("services", "dist/services", { recursive: true, filter: (path) => !path.endsWith(".ts") });
writeFileSync("dist/.compiled", "");
utimesSync("dist/.compiled", begun, begun);
