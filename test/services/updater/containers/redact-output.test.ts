import assert from "node:assert/strict";
import { redactOutput } from "../../../../services/updater/containers/redact-output.ts";

const cases: readonly [string, string, readonly string[] | null, string][] = [
  ["is told as it is", " no database\n", [], "no database"],
  ["says that there is none", " \n", null, "no output"],
  ["is cut", "x".repeat(300), [], `${"x".repeat(199)}…`],
  [
    "hides values of the environment",
    "login hunter22 failed, hunter22",
    ["PW=hunter22"],
    "login (hidden) failed, (hidden)",
  ],
  ["hides the longer of two values first", "abcdefgh", ["A=abcdef", "B=abcdefgh"], "(hidden)"],
  ["keeps short values", "version 2 up", ["VERSION=2"], "version 2 up"],
  ["hides users in addresses", "postgres://ann:pw@db/x refused", [], "postgres://(hidden)@db/x refused"],
  [
    "hides what is named a secret",
    'password=abc token: "x" key=y',
    [],
    "password=(hidden) token: (hidden) key=(hidden)",
  ],
];

describe("what a container printed", () => {
  for (const [sentence, output, env, told] of cases)
    it(sentence, () => assert.equal(redactOutput(output, env), told));
});
