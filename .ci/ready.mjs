// Makes a fresh clone ready to run: installs the locked packages, compiles and bundles, each only where it is due. Unit
// tests start no program, so with --unit nothing is bundled.
// What it prints goes to standard error, so that the command it prepares owns standard output.
import { execSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

process.chdir(join(import.meta.dirname, ".."));
const stdio = ["ignore", 2, 2];
const timeOf = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

try {
  if (timeOf("package-lock.json") > timeOf("node_modules/.package-lock.json"))
    execSync("npm ci --ignore-scripts", { stdio });
  const sources = ["cli", "nats", "services", "shared", "hooks", "test", "examples", "bench"].flatMap(
    filesIn,
  );
  const changed = Math.max(...[...sources, "tsconfig.json", "package.json"].map(timeOf));
  const built = timeOf("dist/.built");
  if (changed > Math.max(built, timeOf("dist/.compiled"))) execSync("node .ci/compile.mjs", { stdio });
  if (changed > built && !process.argv.includes("--unit")) execSync("node .ci/bundle.mjs", { stdio });
} catch (error) {
  process.exit(error.status ?? 1); // npm has said why
}
