import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { readCommandLine } from "./command-line.ts";
import {
  filesAt,
  isFullTest,
  isTest,
  longest,
  longestFirst,
  needsBed,
  needsImage,
  testsIn,
} from "./files.ts";

describe("a test file", () => {
  const files: Readonly<Record<string, string>> = {
    "dist/test/bed/bed.js": "",
    "dist/test/a/pure.test.js":
      'import { plan } from "../../services/poller/plan.js";\nimport { fact } from "./facts.js";',
    "dist/test/a/facts.js": 'export * from "./more.js";\nimport { fact } from "./facts.js";',
    "dist/test/a/more.js": 'import Docker from "dockerode";',
    "dist/test/a/marked.test.js": 'import "../bed/bed.js"; // It starts programs.',
    "dist/test/a/direct.test.js": 'import { engine, startNats } from "../bed/bed.js";',
    "dist/test/a/staged.test.js": 'import { stage } from "./stage.js";',
    "dist/test/a/stage.js": 'export { engine } from "../bed/bed.js";',
    "dist/test/a/lazy.test.js": ["const bed = await import", `("../bed/bed.js")`].join(""),
  };
  const cases: readonly [string, string, boolean][] = [
    ["needs no bed if it imports the product and pure support alone", "pure", false],
    ["needs the bed if it imports bed.ts", "direct", true],
    ["needs the bed if it imports bed.ts for nothing but that", "marked", true],
    ["needs the bed if its support does", "staged", true],
    ["needs the bed if it imports it while it runs", "lazy", true],
  ];
  for (const [sentence, name, expected] of cases)
    it(sentence, () =>
      assert.equal(
        needsBed(`dist/test/a/${name}.test.js`, (file) => files[file] ?? ""),
        expected,
      ),
    );
});

describe("the order of test files", () => {
  it("begins with the longest, then whole stories", () => {
    const [first = "", second = ""] = longest.map((name) => `dist/test/${name}.test.js`);
    const [story, other] = ["dist/test/end-to-end/a.test.js", "dist/test/a/b.test.js"];
    assert.deepEqual(longestFirst([other, second, story, first]), [first, second, story, other]);
  });

  it("begins with all that need our image, one after the other", () => {
    const paths = longest.map((name) => `dist/test/${name}.test.js`);
    const needing = testsIn("dist/test", isTest).filter((file) => needsImage(file));
    assert.deepEqual(paths.slice(0, needing.length).toSorted(), needing);
  });

  it("names files that are there", () => {
    for (const name of longest) assert.equal(filesAt(`test/${name}.test.ts`, isTest).length, 1);
  });
});

describe("what `npm test` is asked to run", () => {
  it("is everything without a path", () => assert.deepEqual(readCommandLine([]).files, []));

  for (const path of ["test/bed/files.test.ts", "./test/bed/files.test.ts", "dist/test/bed/files.test.js"])
    it(`may be a file: ${path}`, () =>
      assert.deepEqual(readCommandLine([path]).files, ["dist/test/bed/files.test.js"]));

  it("may be a folder, with its slash or without", () => {
    const inBed = readCommandLine(["test/bed"]).files;
    assert.ok(inBed.includes("dist/test/bed/files.test.js"));
    assert.ok(!inBed.includes("dist/test/bed/bed.full-test.js"));
    assert.deepEqual(readCommandLine(["test/bed/", "test/bed/files.test.ts"]).files, inBed);
    assert.ok(readCommandLine(["test/bed", "--full"]).files.includes("dist/test/bed/bed.full-test.js"));
  });

  it("is told where mocha's options end", () => {
    const { files, mochaOptions, full } = readCommandLine([
      "--grep",
      "test/bed",
      "test/bed/files.test.ts",
      "--full",
      "--bail",
      "-t",
      "5s",
      "--grep=x",
    ]);
    assert.deepEqual(files, ["dist/test/bed/files.test.js"]);
    assert.deepEqual(mochaOptions, ["--grep", "test/bed", "--bail", "-t", "5s", "--grep=x"]);
    assert.ok(full);
  });

  const wrong: readonly [string, RegExp][] = [
    ["test/no-such.test.ts", /^Error: test\/no-such\.test\.ts: there is no such test file or folder\.$/],
    ["test/no-such-folder", /there is no such test file or folder/],
    ["gate", /^Error: gate: there is no such test file or folder\.$/],
    ["test/bed/files.ts", /^Error: test\/bed\/files\.ts: this holds no tests\.$/],
    ["test/end-to-end/killed", /this holds no tests/],
  ];
  for (const [path, sentence] of wrong)
    it(`is refused where it stands for no tests: ${path}`, () =>
      assert.throws(() => readCommandLine([path]), sentence));

  it("is of the kind that is wanted", () => {
    assert.ok(filesAt("test/end-to-end", isFullTest).includes("dist/test/end-to-end/faults.full-test.js"));
    assert.ok(!filesAt("test/end-to-end", isTest).includes("dist/test/end-to-end/faults.full-test.js"));
  });
});
