// Compiles everything into dist/, which is also the type check, and bundles the programs: a service loads some hundred
// small modules otherwise, which takes longer than all that a command then does (docs/decisions/0059).
// dist/.built is as old as the sources it was made of.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { build } from "esbuild";

process.chdir(join(import.meta.dirname, ".."));
const begun = new Date();
rmSync("dist", { recursive: true, force: true });
const compiler = ["node_modules/typescript7/bin/tsc"];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
// What services read beside their code: Python programs, templates.
cpSync("services", "dist/services", { recursive: true, filter: (path) => !path.endsWith(".ts") });

const common = {
  absWorkingDir: process.cwd(),
  outdir: "dist",
  allowOverwrite: true,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false,
  // Packages that are CommonJS ask for Node's own modules in this way.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  external: ["dockerode"], // shared/docker/docker-client.ts loads it without two of its parts
  logLevel: "warning",
};

// In place: dist/cli/main.js and each dist/services/*/main.js; what they load is in dist/services/bundle/, as deep below
// the project as the modules. These stay for the tests.
const bundle = "services/bundle";
const bundled = (name) => [`${bundle}/${basename(name)}`, `dist/cli/${name}.js`];
const loadedByMain = ["start-command", "start-services", "commands/healthcheck"].map(bundled);
/** What main.js loads on demand stays a file of its own. */
const loadOnDemand = ({ onResolve }) =>
  onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
    const file = relative(process.cwd(), join(resolveDir, path));
    const [name] = loadedByMain.find(([, module]) => module === file) ?? [];
    return name && { path: `../${name}.js`, external: true };
  });
/** zod builds a schema twice where it is described, and only the pages and JSON Schemas, printed without a bundle, read that. */
const withoutDescriptions = ({ onLoad }) =>
  onLoad({ filter: /zod\/v4\/classic\/schemas\.js$/ }, ({ path }) => {
    const text = readFileSync(path, "utf8");
    const contents = text.replace(/^( *)describe\(description\) \{$/m, "$&\n$1    return this;");
    if (contents === text) throw new Error(`${path} has no describe() any more`);
    return { contents };
  });
await build({
  ...common,
  entryPoints: { "cli/main": "dist/cli/main.js" },
  plugins: [{ name: "load on demand", setup: loadOnDemand }],
});

// A command is one file: to find and read a file takes as long as to parse a tenth of a megabyte that is not used. What
// is only used by other commands is parsed, but not run. As CommonJS it loads those of Node's own modules that it uses,
// where an ES module loads all that are named in it.
const [command, services, healthcheck] = loadedByMain;
await build({
  ...common,
  entryPoints: Object.fromEntries([command]),
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  banner: { js: 'const ownUrl = require("node:url").pathToFileURL(__filename).href;' },
  define: { "import.meta.url": "ownUrl", "import.meta.dirname": "__dirname" },
  plugins: [{ name: "no descriptions", setup: withoutDescriptions }],
});
// The program stays an ES module, and requires that file: to import it would have Node look through it for its exports.
const main = readFileSync("dist/cli/main.js", "utf8");
const required = main.replace(/import\("(\S+\/start-command)\.js"\)/, 'require("$1.cjs")');
if (required === main) throw new Error("dist/cli/main.js does not load the commands where it is looked for");
writeFileSync("dist/cli/main.js", required);
await build({ ...common, entryPoints: Object.fromEntries([healthcheck]) });

// Services share files, so that the program of all services loads each module once. Their log names the class of an error,
// of which bundling may change the name.
const mains = readdirSync("services").map((service) => `services/${service}/main`);
await build({
  ...common,
  entryPoints: Object.fromEntries([services, ...mains.map((main) => [main, `dist/${main}.js`])]),
  splitting: true,
  keepNames: true,
  chunkNames: `${bundle}/[name]-[hash]`,
});
// Programs of the tests, which change the product's modules in their process and then start it: an Engine full of
// containers that die starts them again and again. The modules stay, for tests that change a file of them.
const testPrograms = readdirSync("dist/test/support").filter((name) =>
  /(?:ing-updater|updater-.*|ing-ouroboros)\.js$/.test(name),
);
await build({
  ...common,
  outdir: "dist/test/programs",
  entryPoints: testPrograms.map((name) => `dist/test/support/${name}`),
  splitting: true,
  keepNames: true,
});
// The program's former path, for units and scripts that start a checkout by it.
mkdirSync("dist/services/ouroboros", { recursive: true });
writeFileSync("dist/services/ouroboros/main.js", 'import "../../cli/main.js";\n');
writeFileSync("dist/.built", "");
utimesSync("dist/.built", begun, begun);
