/** Turns cases into tests: one setup and one run of the product for all, then a test for each. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { Engine } from "../bed/bed.ts";
import type { Case, Member } from "./case.ts";
import { type Document, differences } from "./compare.ts";
import {
  type Cases,
  type Lab,
  control,
  fateOf,
  imageOf,
  inspectAs,
  lostData,
  moveImages,
  nameOf,
  sceneOf,
  setUp,
  tearDown,
} from "./lab.ts";
import type { ImageName } from "./images.ts";
import { type RunOnceResult, runOnce } from "./run-once.ts";

interface Batch {
  readonly engine: () => Engine;
  readonly cases: Cases;
  /** The Engine's API version, where it is older than some case needs. */
  readonly api?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called after each case. */
  readonly tell?: (name: string, passed: boolean) => void;
}

export function describeBatch(title: string, batch: Batch): void {
  describe(title, function () {
    this.timeout(900_000);
    let lab: Lab;
    let runs: readonly RunOnceResult[];
    const cases = Object.fromEntries(
      Object.entries(batch.cases).filter(([, { since = "0" }]) => isAtLeast(batch.api ?? NEWEST, since)),
    );

    before(async () => {
      lab = await setUp(batch.engine(), cases);
      runs = await updateAll(lab, batch.env ?? {});
    });
    after(() => tearDown(batch.engine()));

    it("is done without a failure", () => {
      const wrong = runs.filter(({ code }) => code !== 0);
      assert.deepEqual(wrong.map(({ log }) => failuresIn(log)).join("\n"), "");
    });

    it("leaves nothing behind", async () => assert.deepEqual(await strangersIn(lab), []));

    for (const [name, one] of Object.entries(cases))
      it(`${name}: ${one.says}`, async () => {
        const wrong = await wrongWith({ lab, log: logOf(runs) }, name, one).catch((error: unknown) => [
          String(error),
        ]);
        batch.tell?.(name, wrong.length === 0);
        if (wrong.length > 0) assert.fail(`\n${wrong.join("\n")}\n\n${linesAbout(logOf(runs), name)}`);
      });
  });
}

const NEWEST = "1.51";
const isAtLeast = (api: string, since: string): boolean => {
  const [minor = 0, wanted = 0] = [api, since].map((one) => Number(one.split(".")[1] ?? 0));
  return minor >= wanted;
};

interface Container {
  readonly name: string;
  readonly member: Member;
  readonly times: number;
}
const containersOf = (lab: Lab): Container[] =>
  Object.entries(lab.cases).flatMap(([name, one]) =>
    Object.entries(one.members).map(([key, member]) => ({
      name: nameOf(one, name, key),
      member,
      times: one.times ?? 1,
    })),
  );
const isWatched = ({ member }: Container): boolean => {
  const fate = fateOf(member);
  return member.state !== "removed" && (fate === "updated" || typeof fate === "object");
};

/** Moves the images and runs the product, as often as the case with the most updates needs. */
async function updateAll(lab: Lab, env: Readonly<Record<string, string>>): Promise<RunOnceResult[]> {
  const images = new Set<ImageName>(containersOf(lab).map(({ member }) => imageOf(member)));
  const watched = containersOf(lab).filter(isWatched);
  const times = Math.max(...Object.values(lab.cases).map(({ times = 1 }) => times));
  const runs: RunOnceResult[] = [];
  for (let version = 1; version <= times; version++) {
    await moveImages([...images], lab.api, version);
    const due = watched.filter(({ times }) => times >= version);
    runs.push(
      await runOnce(
        lab.engine,
        due.map(({ name }) => name),
        env,
      ),
    );
  }
  return runs;
}

interface Done {
  readonly lab: Lab;
  readonly log: string;
}

async function wrongWith({ lab, log }: Done, name: string, one: Case): Promise<string[]> {
  const undeployed = lab.undeployed.get(name);
  if (undeployed !== undefined) return [`could not be deployed: ${undeployed}`];
  const wrong: string[] = [];
  for (const [key, member] of Object.entries(one.members)) {
    if (member.state === "removed") continue;
    const found = await wrongWithMember(lab, { name, key, member, container: nameOf(one, name, key) });
    wrong.push(
      ...found.map((text) => `${key}: ${text}`),
      ...reasonWrong(log, nameOf(one, name, key), fateOf(member)),
    );
  }
  const scene = sceneOf(lab, name);
  await scene.refresh();
  await one.check?.(scene);
  return wrong;
}

interface Looked {
  readonly name: string;
  readonly key: string;
  readonly member: Member;
  readonly container: string;
}

async function wrongWithMember(lab: Lab, { name, key, member, container }: Looked): Promise<string[]> {
  const was = lab.was.get(container);
  if (was === undefined) return ["was never there"];
  const now = await inspectAs(lab.engine.docker, container);
  const expected = await expectedImage(lab, member, was);
  return [
    ...idWrong(member, was, now),
    ...(now.Image === expected ? [] : [`runs ${now.Image} instead of ${expected}`]),
    ...stateWrong(was, now),
    ...(await lostData(lab, was, now)).map((destination) => `lost the data in ${destination}`),
    ...differences(now, now.Id === was.Id ? was : await control(lab, name, key, expected), member.allowed),
  ];
}

async function expectedImage({ engine }: Lab, member: Member, was: Document): Promise<string> {
  if (fateOf(member) !== "updated") return was.Image;
  return (await engine.docker.getImage(String(was.Config["Image"])).inspect()).Id;
}

function idWrong(member: Member, was: Document, now: Document): string[] {
  const same = now.Id === was.Id;
  const fate = fateOf(member);
  const shouldBe = fate === "kept" || typeof fate === "object";
  return same === shouldBe ? [] : [same ? "was not recreated" : "was recreated"];
}

const reasonWrong = (log: string, container: string, fate: ReturnType<typeof fateOf>): string[] =>
  typeof fate !== "object" ||
  log
    .split("\n")
    .some(
      (line) => line.includes(`"container":"${container}"`) && line.includes(`"because":"${fate.leftAlone}"`),
    )
    ? []
    : [`${container} was not left alone because: ${fate.leftAlone}`];

function stateWrong(was: Document, now: Document): string[] {
  const health = (document: Document) =>
    (document.State["Health"] as { Status?: string } | undefined)?.Status ?? "none";
  const restarts = (now as unknown as { RestartCount?: number }).RestartCount ?? 0;
  return [
    ...(stateOf(now) === stateOf(was) ? [] : [`is ${now.State.Status} and was ${was.State.Status}`]),
    ...(now.State.Status === "running" && ["unhealthy"].includes(health(now)) ? ["is unhealthy"] : []),
    ...(restarts === 0 ? [] : [`restarted ${restarts} times`]),
  ];
}

/** One that was stopped and had to be recreated was never started: that is as stopped. */
const stateOf = ({ State }: Document): string =>
  ["created", "exited"].includes(State.Status) ? "stopped" : State.Status;

/** Containers that are no case's, and volumes that nothing uses and that were not there before. */
async function strangersIn(lab: Lab): Promise<string[]> {
  const { docker } = lab.engine;
  const names = containersOf(lab).map(({ name }) => name);
  const containers = await docker.listContainers({ all: true });
  const unknown = containers
    .flatMap(({ Names }) => Names.map((one) => one.slice(1)))
    .filter((one) => !one.includes("/") && !names.includes(one));
  const used = new Set(containers.flatMap(({ Mounts }) => Mounts.map(({ Name }) => Name)));
  const { Volumes } = await docker.listVolumes();
  const left = Volumes.map(({ Name }) => Name).filter((one) => !lab.volumes.includes(one) && !used.has(one));
  return [...unknown.map((one) => `container ${one}`), ...left.map((one) => `volume ${one}`)];
}

const logOf = (runs: readonly RunOnceResult[]): string => runs.map(({ log }) => log).join("\n");

/** Lines of the log at warn and above. */
const failuresIn = (log: string): string =>
  log
    .split("\n")
    .filter(
      (line) => /"level":"(?:warn|error|critical)"/.test(line) || (line !== "" && !line.startsWith("{")),
    )
    .join("\n");
/** What the product said of containers of the case. */
const linesAbout = (log: string, name: string): string =>
  log
    .split("\n")
    .filter((line) => line.includes(`"container":"${name}`) && !line.includes('"not monitored"'))
    .map((line) => line.replace(/^.*?"container"/, "").slice(0, 500))
    .join("\n");
