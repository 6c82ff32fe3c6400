// An owner who replaces a container by one of their own while it is updated has the last word, whichever order the calls
// come in: theirs runs, nothing of ours beside it, and what is told names theirs. The seed of the times is printed; to replay it:
//   OUROBOROS_OWNER_SEED=123 npm test -- test/end-to-end/owner-replaces-container.test.ts
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import { backupName, keptName, successorName } from "../../shared/containers/swap-names.ts";
import { ifExists } from "../../shared/docker/engine.ts";
import { type Engine, engine } from "../bed/bed.ts";
import { deploy, idOf, overview, pull, release } from "../support/containers.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";

const seed = Number(process.env["OUROBOROS_OWNER_SEED"] ?? randomInt(1_000_000));
const run = promisify(execFile);
const docker = async (h: Engine, ...words: string[]): Promise<string> =>
  (await run("docker", ["-H", `unix://${h.socket}`, ...words])).stdout.trim();

/** How an owner does it, word for word; MINE is there before, stopped. Each ends with theirs running as WEB. */
const ways: readonly (readonly string[])[] = [
  ["rm -f WEB", "run WEB"],
  ["rm -f WEB", "rename MINE WEB", "start WEB"],
  ["rename WEB WEB-before", "run WEB"],
  ["rename WEB WEB-before", "rename MINE WEB", "start WEB"],
  ["stop WEB", "rm WEB", "run WEB"],
  ["stop WEB", "rename WEB WEB-before", "run WEB", "rm WEB-before"],
];
const LONGEST_PAUSE_MS = 1500;
const A_SWAP_MS = 6000;

interface Plot {
  readonly calls: readonly string[];
  /** After the plan, or as soon as the new container is verified. Milliseconds. */
  readonly at: number | "verified";
  /** Before each call but the first. */
  readonly pauses: readonly number[];
}

/** Each way as fast as can be once the new container is verified, and each at any moment. */
function plotsOf(seedOf: number): Plot[] {
  const pause = fc.integer({ min: 0, max: LONGEST_PAUSE_MS });
  const any = fc.record({
    at: fc.oneof(fc.constant("verified" as const), fc.integer({ min: 0, max: A_SWAP_MS })),
    pauses: fc.array(pause, { minLength: 3, maxLength: 3 }),
  });
  const random = fc.sample(any, { seed: seedOf, numRuns: ways.length });
  return [
    ...ways.map((calls) => ({ calls, at: "verified", pauses: [] }) as const),
    ...ways.flatMap((calls, n) => random.slice(n, n + 1).map((times) => ({ calls, ...times }))),
  ];
}

const hosts = [
  ["28.5", engine(1)],
  ["20.10", engine(2)],
] as const;

describe(`a container that its owner replaces while it is updated (seed ${seed})`, function () {
  this.timeout(240_000);
  afterEach(() => Promise.all(hosts.map(([, h]) => h.clean())));

  for (const [version, h] of firstUnlessFull(hosts))
    it(`leaves the owner's running, and that alone, whichever order the calls come in: Engine ${version}`, async () => {
      const plots = plotsOf(seed).map((plot, n) => ({ ...plot, name: `web${n}` }));
      await using stack = await startStack({
        engine: h,
        services: SEPARATE_PROCESSES,
        env: { SWAPS: String(plots.length) },
      });
      await pull(h, (await release("apps/web", "1")).reference);
      await Promise.all(
        plots.map(async ({ name }) => {
          await (await h.docker.createContainer({ ...slow(name).create, name, Image: IMAGE })).start();
          await docker(h, "create", "--name", mineOf(name), ...like(name), IMAGE);
        }),
      );
      await stack.check();
      await release("apps/web", "2");
      const id = await requestPlan(stack);
      const refused = await Promise.all(plots.map((plot) => play(h, plot)));
      await awaitResults(stack, id, 90_000);
      const wrong = await Promise.all(plots.map((plot) => lookAt(h, endIn(stack, id, plot.name), plot)));
      assert.deepEqual([...refused, ...wrong].flat(), []);
    });

  it("leaves what compose makes of it running, under its name: `up` of a changed service, and `down`, then `up`", async () => {
    const [, h] = hosts[0];
    await pull(h, (await release("apps/web", "1")).reference);
    await using up = await project(h, "one");
    await using down = await project(h, "two");
    for (const { compose } of [up, down]) await compose("up", "-d");
    await using stack = await startStack({ engine: h, services: SEPARATE_PROCESSES, env: { SWAPS: "2" } });
    await stack.check();
    await release("apps/web", "2");
    const id = await requestPlan(stack);
    const names = ["one-web-1", "two-web-1"];
    await until("both are verified", async () => {
      const seen = await overview(h);
      return names.every((name) => seen.includes(`${name} running 2`));
    });
    await writeFile(join(up.folder, "compose.yaml"), composeFile("mine"));
    await Promise.all([up.compose("up", "-d"), down.compose("down").then(() => down.compose("up", "-d"))]);
    const ends = await awaitResults(stack, id, 90_000);
    const seen = (await overview(h)).map((line) => line.split(" ").slice(0, 2).join(" "));
    const notes = names.map((name) => `${name}: ${endIn(stack, id, name).because}`).join("; ");
    assert.deepEqual(seen, ["one-web-1 running", "two-web-1 running"], notes);
    assert.deepEqual(ends, { "one-web-1": "expired", "two-web-1": "expired" }, notes);
  });

  itInFullRun("is seen after a crash too: the updater was dead while they replaced it", async () => {
    const [, h] = hosts[0];
    await using stack = await startStack({ engine: h, services: ["hook-executor", "poller"] });
    const left = await leaveBehind(h);
    const before = await Promise.all(left.map((name) => policyOf(h, name)));
    stack.start("updater");
    await until("nothing of an update is left", async () =>
      (await overview(h)).every((line) => !/ouroboros-(?:old|new)/.test(line)),
    );
    assert.deepEqual(await overview(h), [
      "api running 1",
      "db running 1",
      `${keptName("db", "01abe")} exited 1`,
      "web running 1",
    ]);
    assert.deepEqual(await Promise.all(left.map((name) => policyOf(h, name))), before);
    await until("it is told", () =>
      /somebody replaced it meanwhile/.test(stack.services.updater?.log() ?? ""),
    );
  });
});

/** As an updater that was killed leaves it, and an owner who goes on after that. */
async function leaveBehind(h: Engine): Promise<string[]> {
  for (const name of ["web", "api", "db"]) await deploy(h, name, slow(name));
  const create = async (name: string): Promise<string> =>
    docker(h, "create", "--name", name, ...like(name), IMAGE);
  const [web, db] = [await idOf(h, "web"), await idOf(h, "db")];
  const mine = await create("mine");
  await docker(h, "rename", "web", backupName("web", "01abc", "0123456789abcdef")); // its successor is gone
  await docker(h, "stop", web);
  await docker(h, "rename", "mine", "web");
  await docker(h, "start", mine);
  await create(successorName("api", "01abd"));
  await docker(h, "rm", "-f", "api");
  await docker(h, "run", "-d", "--name", "api", ...like("api"), IMAGE);
  await docker(h, "stop", db);
  await docker(h, "rename", "db", backupName("db", "01abe")); // as an earlier version of the program named it
  await docker(h, "run", "-d", "--name", "db", ...like("db"), IMAGE);
  return ["web", "api", "db"];
}

/** One service, which says whether its owner changed it. */
const composeFile = (word: string): string =>
  JSON.stringify({
    services: {
      web: {
        image: IMAGE,
        restart: "always",
        labels: { "com.ouroboros.settle_time": "8s", word },
        volumes: ["data:/data"],
      },
    },
    volumes: { data: {} },
  });

async function project(h: Engine, name: string) {
  const folder = await mkdtemp(join(tmpdir(), "owner-"));
  await writeFile(join(folder, "compose.yaml"), composeFile("first"));
  const compose = (...words: string[]): Promise<string> =>
    docker(h, "compose", "--project-directory", folder, "-p", name, ...words);
  return {
    folder,
    compose,
    [Symbol.asyncDispose]: async () => {
      await compose("down", "--volumes");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const IMAGE = "registry.lab:5000/apps/web:latest";
const mineOf = (name: string): string => name.replace("web", "mine");
const policyOf = async (h: Engine, name: string): Promise<string | undefined> =>
  (await h.docker.getContainer(name).inspect()).HostConfig.RestartPolicy?.Name;
const slow = (name: string) => ({
  image: "apps/web",
  create: {
    Labels: { "com.ouroboros.settle_time": "8s" },
    HostConfig: { Binds: [`data-${name}:/data`], RestartPolicy: { Name: "always" } },
  },
});
const like = (name: string): string[] => ["-v", `data-${name}:/data`, "--label", `theirs=${name}`];

/** Resolves with what the Engine refused. */
async function play(h: Engine, plot: Plot & { readonly name: string }): Promise<string[]> {
  const { name, calls, at, pauses } = plot;
  if (at === "verified")
    await until(`the new ${name} is verified`, async () => (await overview(h)).includes(`${name} running 2`));
  else await sleep(at);
  let stopped = "";
  try {
    for (const [n, spoken] of calls.entries()) {
      await sleep(n === 0 ? 0 : (pauses[n - 1] ?? 0));
      const words = spoken.replaceAll("WEB", name).replaceAll("MINE", mineOf(name)).split(" ");
      const call = words[0] === "run" ? ["run", "-d", "--name", name, ...like(name), IMAGE] : words;
      if (words[0] === "stop") stopped = await idByName(h, name);
      await docker(h, ...call).catch(async (error: unknown) => {
        if (n === 0 && String(error).includes("No such container")) return docker(h, ...call); // between the two renames nothing bears the name
        const [word = "", target = ""] = words;
        const isAnother = stopped !== "" && (await idByName(h, target)) !== stopped;
        if (word !== "rm" || !isAnother) throw error;
        await docker(h, "stop", target); // what they stopped was being stopped for its update just then
        return docker(h, ...call);
      });
    }
    return [];
  } catch (error) {
    return [`${JSON.stringify(plot)}: ${(error as Error).message}`];
  }
}

/** Empty where nothing bears it. */
const idByName = async (h: Engine, name: string): Promise<string> =>
  (await ifExists(h.docker.getContainer(name).inspect()))?.Id ?? "";

interface Told {
  readonly end: string;
  readonly because: string;
}
/** Theirs may be updated in the next run. */
function endIn({ records }: Stack, id: string, name: string): Told {
  const told = records.find((one) => one.kind === "ended" && one.run === id && one.container === name);
  return told?.kind === "ended" ? told : { end: "none", because: "" };
}

/** Theirs runs; what else has its volume does not, unless its owner kept it. Resolves with what is wrong. */
async function lookAt(
  h: Engine,
  { end, because }: Told,
  plot: Plot & { readonly name: string },
): Promise<string[]> {
  const { name, at, calls } = plot;
  const listed = await h.docker.listContainers({ all: true, filters: { volume: [`data-${name}`] } });
  const named = (one: (typeof listed)[number]): string => one.Names[0]?.slice(1) ?? "";
  const theirs = listed.find((one) => named(one) === name);
  const ours = listed.filter((one) => named(one).includes("ouroboros"));
  const isKept = calls.join().includes("WEB-before");
  const rules: readonly (readonly [string, boolean])[] = [
    ["theirs runs", theirs?.Labels["theirs"] === name && theirs.State === "running"],
    ["nothing of ours runs", ours.every(({ State }) => State !== "running")],
    [
      "nothing is left but what is kept",
      ours.every((one) => isKept && named(one).includes("ouroboros-kept")),
    ],
    ["it expired", end === "expired" || (at !== "verified" && end === "updated")],
    ["it says why", because !== ""],
    ["it names theirs", at !== "verified" || because.includes(theirs?.Id.slice(0, 12) ?? "none")],
  ];
  const seen = listed.map((one) => `${named(one)} ${one.State}`).sort();
  return rules
    .filter(([, holds]) => !holds)
    .map(([rule]) => `${rule}: ${JSON.stringify(plot)}: ${seen.join(", ")}; ${end}: ${because}`);
}
