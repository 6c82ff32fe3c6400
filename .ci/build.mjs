// Compiles everything into dist/, which is also the type check. dist/.built is as old as the sources it was made of.
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

process.chdir(join(import.meta.dirname, ".."));
const begun = new Date();
rmSync("dist", { recursive: true, force: true });
const compiler = ["node_modules/typescript7/bin/tsc"];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
const executor = "services/hook-executor";
for (const name of readdirSync(executor).filter((file) => file.endsWith(".py")))
  cpSync(join(executor, name), join("dist", executor, name));
writeFileSync("dist/.built", "");
utimesSync("dist/.built", begun, begun);
