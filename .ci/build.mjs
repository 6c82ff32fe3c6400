// Compiles everything into dist/, which is also the type check, and bundles the programs: a service loads some hundred
// small modules otherwise, which takes longer than all that a command then does (docs/decisions/0059).
// dist/.built is as old as the sources it was made of.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

process.chdir(join(import.meta.dirname, ".."));
const begun = new Date();
rmSync("dist", { recursive: true, force: true });
const compiler = ["node_modules/typescript7/bin/tsc"];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
// What services read beside their code: Python programs, templates.
cpSync("services", "dist/services", { recursive: true, filter: (path) => !path.endsWith(".ts") });

// In place: dist/cli/main.js and each dist/services/*/main.js, with what they share in dist/services/bundle/, as deep
// below the project as the modules. These stay for the tests.
await build({
  absWorkingDir: process.cwd(),
  entryPoints: ["cli", ...readdirSync("services").map((service) => `services/${service}`)].map(
    (folder) => `dist/${folder}/main.js`,
  ),
  outdir: "dist",
  outbase: "dist",
  chunkNames: "services/bundle/[name]-[hash]",
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  // Packages that are CommonJS ask for Node's own modules in this way.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  external: ["dockerode"], // shared/docker/docker-client.ts loads it without two of its parts
  logLevel: "warning",
});
// The program's former path, for units and scripts that start a checkout by it.
mkdirSync("dist/services/ouroboros", { recursive: true });
writeFileSync("dist/services/ouroboros/main.js", 'import "../../cli/main.js";\n');
writeFileSync("dist/.built", "");
utimesSync("dist/.built", begun, begun);
