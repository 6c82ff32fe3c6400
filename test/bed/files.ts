/**
 * Which test files there are, and which of them need the bed: those that import bed.ts, themselves or by their support
 * files. All others are unit tests. They cannot lie about it: without-bed.ts runs them where no program can be started.
 */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { posix as paths, sep } from "node:path";

const theBed = "dist/test/bed/bed.js";
const theImage = "dist/test/support/ouroboros-image.js";

/** The compiled files that a path stands for, `test/x.test.ts`, `dist/test/x.test.js` or a folder; throws if there are none. */
export function filesAt(path: string, isTest: (name: string) => boolean): readonly string[] {
  const compiled = paths
    .normalize(
      `dist/${path
        .split(sep)
        .join("/")
        .replace(/^(\.\/)?(dist\/)?/, "")}`,
    )
    .replace(/\.ts$/, ".js")
    .replace(/\/$/, "");
  if (!existsSync(compiled)) throw new Error(`${path}: there is no such test file or folder.`);
  const found = statSync(compiled).isDirectory() ? testsIn(compiled, isTest) : [compiled];
  const [tests, others] = [found.filter(isAnyTest), found.filter((file) => !isAnyTest(file))];
  if (tests.length === 0 || others.length > 0) throw new Error(`${path}: this holds no tests.`);
  return tests;
}

const isAnyTest = (name: string): boolean => /\.(test|full-test|bench)\.js$/.test(name);
export const isTest = (name: string): boolean => name.endsWith(".test.js");
export const isFullTest = (name: string): boolean => isTest(name) || name.endsWith(".full-test.js");
export const isBench = (name: string): boolean => name.endsWith(".bench.js");

/** Below a folder, in order. */
export const testsIn = (folder: string, isTest: (name: string) => boolean): readonly string[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => paths.join(folder, String(name).split(sep).join("/")))
    .filter(isTest)
    .sort();

/**
 * What takes a minute or more, longest first, but for those that need our image: they are one piece of work.
 * OUROBOROS_TEST_TIMES=all tells of each run how long every file took.
 */
export const longest: readonly string[] = [
  ...["end-to-end/self-killed", "end-to-end/self-update", "end-to-end/compose", "end-to-end/image"],
  ...["end-to-end/migrating", "end-to-end/own-container", "nats/nats-container"],
  ...["nats/adversary", "end-to-end/killed-on-28", "end-to-end/prune", "fidelity/fidelity"],
  ...["end-to-end/dependants", "end-to-end/failures", "end-to-end/left-behind", "end-to-end/killed"],
  ...["end-to-end/plans", "end-to-end/run-once", "end-to-end/linked-updates"],
  ...["end-to-end/two-instances", "end-to-end/identity", "end-to-end/participants"],
  ...["end-to-end/messaging", "services/updater/swap/verify-container", "services/updater/swap/swap"],
  ...["end-to-end/one-container"],
];

/** The long ones first, so that no bed waits for another at the end. */
export function longestFirst(files: readonly string[]): readonly string[] {
  const places = longest.map((name) => `dist/test/${name}.test.js`);
  const placeOf = (file: string): number => {
    const place = places.indexOf(file);
    if (place >= 0) return place;
    return /^dist\/test\/(end-to-end|fidelity)\//.test(file) ? places.length : places.length + 1;
  };
  return files.toSorted((one, other) => placeOf(one) - placeOf(other));
}

type Read = (file: string) => string;
const readText: Read = (file) => readFileSync(file, "utf8");

export const needsBed = (file: string, read: Read = readText): boolean => reaches(file, theBed, read);

/** Whether it needs our image: all files that do run in the same bed, which builds it once. */
export const needsImage = (file: string, read: Read = readText): boolean => reaches(file, theImage, read);

/** Follows imports within test/: what the product imports says nothing about a test. */
function reaches(file: string, wanted: string, read: Read): boolean {
  const seen = new Set([file]);
  for (const one of seen) {
    if (one === wanted) return true;
    for (const imported of importsOf(one, read)) if (imported.startsWith("dist/test/")) seen.add(imported);
  }
  return false;
}

const importsOf = (file: string, read: Read): string[] =>
  [
    ...read(file).matchAll(
      /^(?:import|export)\b(?:[^"';=(]*\bfrom)?\s*"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm,
    ),
  ].map(([, atTheHead, later]) => paths.join(paths.dirname(file), atTheHead ?? later ?? ""));
