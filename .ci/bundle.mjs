// Bundles the programs that compile.mjs made, in dist/: a service loads some hundred small modules otherwise, which takes
// longer than all that a command then does (docs/decisions/0059). dist/.built is as old as the sources it was made of.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";

process.chdir(join(import.meta.dirname, ".."));
const { mtime } = statSync("dist/.compiled");
rmSync("dist/.compiled"); // Bundles take the places of modules: where this ends early, it starts from those anew.

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
  external: ["dockerode"], // shared/docker/load-dockerode.ts loads it without two of its parts
  logLevel: "warning",
};

// In place: dist/cli/main.js and each dist/services/*/main.js. What they load is in dist/services/bundle/, as deep below
// the project as the modules, which stay for the tests.
const [cli, bundle] = ["dist/cli", "services/bundle"];
/** What main.js loads on demand is a bundle of its own. */
const loadOnDemand = ({ onResolve }) => {
  onResolve({ filter: /\/start-(?:command|services)\.js$/ }, () => ({
    path: resolve(cli, "load-bundle.js"),
  }));
  onResolve({ filter: /\/healthcheck\.js$/ }, () => ({
    path: `../${bundle}/healthcheck.js`,
    external: true,
  }));
};
await build({
  ...common,
  entryPoints: { "cli/main": `${cli}/main.js`, "cli/load-bundle": `${cli}/load-bundle.js` },
  plugins: [{ name: "load on demand", setup: loadOnDemand }],
});
await build({ ...common, entryPoints: { [`${bundle}/healthcheck`]: `${cli}/commands/healthcheck.js` } });

/** zod builds a schema twice where it is described, and only the pages and JSON Schemas, printed without a bundle, read that. */
const withoutDescriptions = ({ onLoad }) =>
  onLoad({ filter: /zod\/v4\/classic\/schemas\.js$/ }, ({ path }) => {
    const text = readFileSync(path, "utf8");
    const contents = text.replace(/^( *)describe\(description\) \{$/m, "$&\n$1    return this;");
    if (contents === text) throw new Error(`${path} has no describe() any more`);
    return { contents };
  });
/** Loading dockerode's forty small files takes a third of a start. Connections over SSH and BuildKit (gRPC) are left out. */
const withDockerode = ({ onResolve, onLoad }) => {
  onLoad({ filter: /shared\/docker\/load-dockerode\.js$/ }, () => ({
    contents: 'export { default as PlainDocker } from "dockerode";',
    resolveDir: process.cwd(),
  }));
  const leftOut = { filter: /^\.\/(?:session|buildkit|ssh)$/ };
  onResolve(leftOut, ({ path, resolveDir }) =>
    /node_modules\/(?:dockerode|docker-modem)\/lib$/.test(resolveDir)
      ? { path, namespace: "left-out" }
      : undefined,
  );
  onLoad({ filter: /./, namespace: "left-out" }, ({ path }) => ({
    contents: `module.exports = () => { throw new Error("${path} of dockerode is left out (.ci/bundle.mjs)."); };`,
  }));
};
/** The poller uses two of undici's agents. Its fetch, the mocks and the caches take a fifth of a poller's start. */
const withTwoAgents = ({ onResolve, onLoad }) => {
  onResolve({ filter: /^undici$/ }, ({ importer }) =>
    importer.endsWith("http-exchange.js") ? { path: "agents", namespace: "of-undici" } : undefined,
  );
  onLoad({ filter: /./, namespace: "of-undici" }, () => ({
    contents: `
      import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
      import api from "undici/lib/api/index.js";
      export { default as Agent } from "undici/lib/dispatcher/agent.js";
      export { default as ProxyAgent } from "undici/lib/dispatcher/proxy-agent.js";
      Object.assign(Dispatcher.prototype, api);`,
    resolveDir: process.cwd(),
  }));
};
/** A bundle of one service is without the others. */
const onlyService = (name) => ({
  name: "only one service",
  setup: ({ onResolve }) => {
    onResolve(
      { filter: /\/services\/[^/]+\/run\.js$|\/all-in-one\.js$/, namespace: "file" },
      ({ path, importer, kind }) =>
        kind === "dynamic-import" && importer.startsWith(resolve(cli)) && !path.includes(`/services/${name}/`)
          ? { path: resolve(cli, "framework/service-table.js"), sideEffects: false }
          : undefined,
    );
  },
});

// A program is one file: to find and read a file takes as long as to parse a tenth of a megabyte that is not used. As
// CommonJS it loads those of Node's own modules that it uses, where an ES module loads all that are named in it; and V8 can
// take code for it that it compiled before (cli/load-bundle.ts).
async function bundleProgram(file, source, { plugins = [], keepNames = true } = {}) {
  await build({
    ...common,
    ...source,
    outdir: undefined,
    outfile: file,
    format: "cjs",
    banner: { js: 'const ownUrl = require("node:url").pathToFileURL(__filename).href;' },
    define: { "import.meta.url": "ownUrl", "import.meta.dirname": "__dirname" },
    supported: { "dynamic-import": false },
    legalComments: "none", // in node_modules, beside them
    external: [],
    keepNames, // a service's log names the class of an error, of which bundling may change the name
    plugins: [
      { name: "no descriptions", setup: withoutDescriptions },
      { name: "dockerode", setup: withDockerode },
      { name: "two agents", setup: withTwoAgents },
      ...plugins,
    ],
  });
  // With ASCII characters alone V8 uses a file as it is read. What is left of others is in comments and regular expressions.
  const escape = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  writeFileSync(file, readFileSync(file, "utf8").replace(/[^\0-\x7f]/g, escape));
}
/** Keeps what V8 compiles when the program is started. */
async function keepCompiled([file, program]) {
  const args = [".ci/compile-bundle.mjs", file, program];
  const [status] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit");
  if (status !== 0) process.exit(status ?? 1);
}
const programFile = (name) => `dist/${bundle}/${name}.cjs`;
const [startCommand, startServices] = ["start-command", "start-services"].map((name) => ({
  entryPoints: [`${cli}/${name}.js`],
}));
const services = readdirSync("services");
await Promise.all([
  bundleProgram(programFile("start-command"), startCommand, { keepNames: false }),
  bundleProgram(programFile("start-services"), startServices),
  ...services.map((name) =>
    bundleProgram(programFile(name), startServices, { plugins: [onlyService(name)] }),
  ),
]);
for (const service of services)
  writeFileSync(
    `dist/services/${service}/main.js`,
    `import { startServices } from "../../cli/load-bundle.js";\nawait startServices(["${service}", ...process.argv.slice(2)]);\n`,
  );

// Programs of the tests, which change the product's modules in their process and then start it: an Engine full of
// containers that die starts them again and again. The modules stay, for tests that change a file of them. The updaters are
// one file, as fast to start as the updater itself; the other program goes into an image.
const testPrograms = readdirSync("dist/test/support").filter((name) =>
  /(?:ing-updater|updater-crashing-.*)\.js$/.test(name),
);
const programsFolder = "dist/test/programs";
await build({
  ...common,
  outdir: programsFolder,
  entryPoints: ["dist/test/support/crashing-ouroboros.js"],
  splitting: true,
  keepNames: true,
});
const imports = testPrograms.map((name) => `"${name}": () => import("./dist/test/support/${name}"),`);
await bundleProgram(`${programsFolder}/updaters.cjs`, {
  stdin: { contents: `module.exports = {${imports.join("")}};`, resolveDir: process.cwd() },
});
for (const name of testPrograms)
  writeFileSync(
    `${programsFolder}/${name}`,
    `import { loadBundle } from "../../cli/load-bundle.js";\nloadBundle(import.meta.dirname + "/updaters.cjs")["${name}"]();\n`,
  );

// At most as many at a time as there are processors: a program that is short of time comes less far.
const programs = [
  ...["start-command", "start-services", ...services].map((name) => [programFile(name), name]),
  [`${programsFolder}/updaters.cjs`, "crashing-updater.js"],
].values();
const keepSome = async () => {
  for (const program of programs) await keepCompiled(program);
};
await Promise.all(Array.from({ length: availableParallelism() }, keepSome));

// The program's former path, for units and scripts that start a checkout by it.
mkdirSync("dist/services/ouroboros", { recursive: true });
writeFileSync("dist/services/ouroboros/main.js", 'import "../../cli/main.js";\n');
writeFileSync("dist/.built", "");
utimesSync("dist/.built", mtime, mtime);
