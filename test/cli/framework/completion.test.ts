import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import "../../bed/bed.ts"; // It starts shells.
import { completionScript } from "../../../cli/framework/completion.ts";
import { eventNames } from "../../../shared/contract/hooks.ts";

/** The words before the cursor, and what is offered there; `known` answers as below. */
const cases: readonly [string, readonly string[], readonly string[]][] = [
  ["commands and services", ["p"], ["participant", "pending", "poller", "push"]],
  ["the commands of a group", ["participant", "r"], ["remove"]],
  ["the options of a command of any group", ["nats-config", "write", "/x", "--wat"], ["--watchers"]],
  ["hosts to forget", ["host", "forget", "web"], ["web01", "web02"]],
  ["options of a command", ["events", "--h"], ["--help", "--hook", "--host"]],
  ["options after an argument", ["verdict", "web", "proceed", "--rea"], ["--reason"]],
  ["the words an argument takes", ["verdict", "web", "d"], ["defer"]],
  ["the words an option takes", ["participant", "add", "ci", "--on-timeout", "re"], ["refuse"]],
  ["the words of a short option", ["pending", "-o", "j"], ["json"]],
  [
    "hooks, also behind a comma",
    ["participant", "add", "ci", "--hooks", "before_update,after_u"],
    ["before_update,after_update"],
  ],
  ["hooks, one after the other", ["events", "--hook", "notify"], ["notify_update"]],
  ["hosts that are there", ["status", "--host", "web"], ["web01", "web02"]],
  ["containers that are there", ["explain", "n"], ["nginx"]],
  ["participants that are there", ["participant", "show", "c"], ["ci"]],
  ["events that are pending", ["verdict", "01k"], ["01k-before_update-nginx"]],
  ["what comes behind an option and its value", ["verdict", "--host", "web01", "nginx", "pro"], ["proceed"]],
  ["flags of the settings", ["updater", "--dry"], ["--dry-run"]],
  ["nothing behind the last argument", ["completion", "bash", "z"], []],
];

const KNOWN = `#!/bin/sh
[ "$1" = known ] || exit 9
case $2 in
  hosts) printf 'web01\\nweb02\\n' ;;
  containers) echo nginx ;;
  participants) echo ci ;;
  events) printf '01k-before_update-nginx\\n' ;;
esac
`;

describe("the completion of a shell", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "completion-"));
    await writeFile(join(folder, "ouroboros"), KNOWN);
    await chmod(join(folder, "ouroboros"), 0o755);
    for (const shell of ["bash", "zsh", "fish"] as const)
      await writeFile(join(folder, shell), completionScript(shell));
  });
  after(() => rm(folder, { recursive: true }));

  const run = (shell: string, args: readonly string[]): string[] =>
    execFileSync(shell, args, {
      encoding: "utf8",
      env: { ...process.env, HOME: folder, PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}` },
    })
      .split("\n")
      .filter((line) => line !== "")
      .sort();

  /** As bash calls it; \`--host=web\` are three words there. */
  const inBash = (words: readonly string[]): string[] =>
    run("bash", [
      "--norc",
      "-c",
      `source "$0"; COMP_WORDS=(ouroboros "$@"); COMP_CWORD=$#; _ouroboros; printf '%s\\n' "\${COMPREPLY[@]}"`,
      join(folder, "bash"),
      ...words,
    ]);
  const inFish = (words: readonly string[]): string[] =>
    run("fish", [
      "--no-config",
      "-c",
      `source ${join(folder, "fish")}; complete -C "ouroboros ${words.join(" ")}"`,
    ]);

  const isHere = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

  for (const [what, words, offered] of cases)
    it(`offers ${what}`, () => {
      assert.deepEqual(inBash(words), offered);
      if (isHere("fish")) assert.deepEqual(inFish(words), offered);
    });

  it("offers all hooks and notices where nothing is begun yet", () => {
    assert.deepEqual(inBash(["events", "--hook", ""]), [...eventNames].sort());
  });

  it("offers a value behind =", () => {
    assert.deepEqual(inBash(["status", "--host", "=", "web"]), ["web01", "web02"]);
    assert.deepEqual(inBash(["status", "--host", "="]), ["web01", "web02"]);
    if (isHere("fish")) assert.deepEqual(inFish(["status", "--host=web"]), ["--host=web01", "--host=web02"]);
  });

  it("is understood by every shell that is here", () => {
    for (const shell of ["bash", "zsh", "fish"].filter(isHere))
      assert.deepEqual(run(shell, ["-n", join(folder, shell)]), []);
  });
});
