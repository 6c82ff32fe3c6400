// What must hold once the updater has recovered: one container of each name, running, old or proven new, with its user's
// policy, its data, its dependants and its dependencies; nothing left behind, and no hook asked again.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerInspectInfo } from "dockerode";
import type { UpdateResult } from "../../../shared/contract/run-records.ts";
import type { Engine } from "../../bed/bed.ts";
import type { Stack } from "../../support/stack.ts";
import type { DeployedCase } from "./deploy.ts";
import { type FaultName, faultOf } from "./faults.ts";
import {
  type ContainersByName,
  folderOf,
  folderOfVolume,
  inspectByName,
  namespacesOf,
  volumeNames,
} from "./engine-state.ts";
import { keptImages } from "../prune/prune-calls.ts";
import type { Case } from "./points.ts";
import { type Role, isPutBack, nameOf, restartPolicy, sceneOf } from "./scenes.ts";
import type { Session } from "./session.ts";

export interface Expected {
  readonly run: string;
  readonly cases: readonly Case[];
  readonly before: readonly DeployedCase[];
  readonly fault: FaultName;
  /** Names of volumes that were there before all this. */
  readonly otherVolumes: readonly string[];
  /** What the updater found when it started again. */
  readonly left: ContainersByName;
  readonly marked: readonly string[];
  readonly asked: { readonly events: readonly string[]; readonly published: number };
}

/** For each case what is wrong, in sentences; what concerns the whole run is told of the first. */
export async function findViolations(expected: Expected, session: Session): Promise<string[][]> {
  const { h, stack } = session;
  const now = await inspectByName(h);
  const namespaces = await namespacesOf(h, now);
  const ofRun = [
    ...leftNames(expected, now),
    ...(await leftVolumes(expected, h)),
    ...(await keptImages(h)).map((tag) => `the tag ${tag} is left`),
    ...(await askedAgain(expected, session)),
    ...(await leftDocuments(stack)),
  ];
  const ofCases = expected.cases.map(async (one, index) => {
    const before = expected.before[index] as DeployedCase;
    const parts = { one, before, key: before.key, expected, now, namespaces, h, stack };
    return [
      ...wrongContainers(parts),
      ...wrongEnd(parts),
      ...(await wrongData(parts)),
      ...(await wrongDependants(parts)),
    ];
  });
  const found = await Promise.all(ofCases);
  return found.map((sentences, key) => (key === 0 ? [...ofRun, ...sentences] : sentences));
}

interface CaseAfterRecovery {
  readonly one: Case;
  readonly before: DeployedCase;
  readonly key: number;
  readonly expected: Expected;
  readonly now: ContainersByName;
  readonly namespaces: ReadonlyMap<string, string>;
  readonly h: Engine;
  readonly stack: Stack;
}

const rolesOf = ({ one }: Pick<CaseAfterRecovery, "one">): Role[] => ["web", ...sceneOf(one.scene).beside];

function leftNames({ cases, before }: Expected, now: ContainersByName): string[] {
  const wanted = cases.flatMap((one, index) =>
    rolesOf({ one }).map((role) => nameOf(role, before[index]?.key ?? 0)),
  );
  return [...now.keys()].filter((name) => !wanted.includes(name)).map((name) => `${name} is left`);
}

async function leftVolumes({ before, otherVolumes }: Expected, h: Engine): Promise<string[]> {
  const wanted = [...before.flatMap((one) => one.volumes), ...otherVolumes];
  const left = (await volumeNames(h)).filter((name) => !wanted.includes(name));
  return left.map((name) => `volume ${name} is left`);
}

async function leftDocuments({ folder }: Stack): Promise<string[]> {
  const files = await readdir(join(folder, "data/replaced"), { recursive: true });
  return files.filter((file) => file.endsWith(".json")).map((file) => `the inspect document ${file} is left`);
}

/** Published again after its decision was recorded, or given to a script twice. */
async function askedAgain({ asked, fault }: Expected, { stack, noted }: Session): Promise<string[]> {
  if (faultOf(fault).losesRun) return [];
  const again = stack.events.slice(asked.published).filter(({ event }) => asked.events.includes(event.id));
  const ran = await noted();
  const twice = ran.filter((id, index) => ran.indexOf(id) !== index);
  return [...again.map(({ event }) => event.id), ...twice].map((id) => `${id} was asked again`);
}

/**
 * Docker itself leaves a container down after a crash of the Engine or the host where its policy says so. That is none of
 * the updater's business unless it had begun with it.
 */
function mayBeDown({ one, before, key, expected }: CaseAfterRecovery, role: Role): boolean {
  const name = nameOf(role, key);
  const { leavesDown } = faultOf(expected.fault);
  if (leavesDown === undefined) return false;
  const isBegun = [...expected.left.keys()].some(
    (found) =>
      found.startsWith(`${name}.ouroboros-`) ||
      (["child", "linker"].includes(role) && found.startsWith(`${nameOf("web", key)}.ouroboros-`)),
  );
  const isMarked = expected.marked.includes(before.ids[role] ?? "");
  const ranLast = expected.left.get(name)?.State.Running ?? false;
  if (role === "linker" && isLinkForgotten(expected, key)) return true;
  const byPolicy = leavesDown.includes(one.policy) || role !== "web"; // Docker starts no child before its parent
  return byPolicy && !isBegun && !isMarked && !ranLast;
}

/** An Engine that starts while no container bears the name forgets the legacy links to it: docs/recovery.md. */
const isLinkForgotten = ({ fault, left }: Expected, key: number): boolean =>
  faultOf(fault).leavesDown !== undefined && !left.has(nameOf("web", key));

function wrongContainers(parts: CaseAfterRecovery): string[] {
  const { one, key, now } = parts;
  return rolesOf(parts).flatMap((role) => {
    const name = nameOf(role, key);
    const inspect = now.get(name);
    if (inspect === undefined) return [`${name} is lost`];
    const { Name: policy, MaximumRetryCount: retries } = inspect.HostConfig.RestartPolicy ?? {};
    const wanted = restartPolicy(one.policy);
    return [
      ...(inspect.State.Running || mayBeDown(parts, role)
        ? []
        : [`${name} is ${stateOf(inspect)}${foundOf(parts, name)}`]),
      ...(policy === wanted.Name && (retries ?? 0) === (wanted.MaximumRetryCount ?? 0)
        ? []
        : [`${name} has the policy ${policy ?? "?"} (${retries ?? 0}) instead of ${one.policy}`]),
      ...(versionsOf(parts, role).includes(versionOf(inspect))
        ? []
        : [`${name} is version ${versionOf(inspect)}`]),
    ];
  });
}

const stateOf = ({ Created, State }: ContainerInspectInfo): string =>
  `${State.Status} (${State.ExitCode}; created ${Created}, started ${State.StartedAt}, ended ${State.FinishedAt}${State.Error && `; ${State.Error}`})`;

const foundOf = ({ expected }: CaseAfterRecovery, name: string): string => {
  const found = expected.left.get(name);
  return found === undefined ? "" : `; the updater found it ${stateOf(found)}`;
};

const versionOf = ({ Config }: ContainerInspectInfo): string =>
  Config.Env.find((entry) => entry.startsWith("VERSION="))?.slice("VERSION=".length) ?? "?";

function versionsOf(parts: CaseAfterRecovery, role: Role): string[] {
  const scene = sceneOf(parts.one.scene);
  const isUpdated = role === "web" ? !scene.isBad : role === "child" && scene.childIs === "good";
  if (!isUpdated) return ["1"];
  const isOpen =
    (faultOf(parts.expected.fault).losesRun ?? scene.childIs === "bad") ||
    mayBeDown(parts, "web") ||
    mayBeDown(parts, role) ||
    isRefusedByEngine(parts);
  return isOpen ? ["1", "2"] : [isPutBack(scene) ? "1" : "2"];
}

/** An Engine 20.10 that was killed may find a task of the container that it cannot start then: docs/recovery.md. */
const isRefusedByEngine = ({ key, expected, stack }: CaseAfterRecovery): boolean =>
  faultOf(expected.fault).leavesDown !== undefined &&
  stack.records.some(
    (record) =>
      record.kind === "ended" &&
      record.run === expected.run &&
      record.container === nameOf("web", key) &&
      /"start the successor" failed: .*task \S+ already exists/.test(record.because),
  );

/** The journal's end is what the Engine shows. */
function wrongEnd(parts: CaseAfterRecovery): string[] {
  const { key, expected, stack, one, now } = parts;
  if (faultOf(expected.fault).losesRun) return [];
  const finished = stack.records.find((record) => record.kind === "finished" && record.run === expected.run);
  if (finished?.kind !== "finished") return ["the run is not finished"];
  const end = finished.ends[nameOf("web", key)];
  const { childIs } = sceneOf(one.scene);
  const wanted: UpdateResult[] = isPutBack(sceneOf(one.scene)) ? ["rolled_back"] : ["updated"];
  if (childIs === "bad") wanted.push("updated"); // recovery goes on without it, and it is put back alone
  if (mayBeDown(parts, "web")) wanted.push("expired"); // stopped, and not by the updater
  if (isRefusedByEngine(parts)) wanted.push("rolled_back");
  const version = { updated: "2", rolled_back: "1" }[end as string];
  const web = now.get(nameOf("web", key));
  return [
    ...(end !== undefined && wanted.includes(end) ? [] : [`web-${key} ended as ${end ?? "nothing"}`]),
    ...(version === undefined || web === undefined || versionOf(web) === version
      ? []
      : [`web-${key} ended as ${end ?? ""} and is version ${versionOf(web)}`]),
  ];
}

async function wrongData({ key, before, now, h }: CaseAfterRecovery): Promise<string[]> {
  const mounted = (now.get(nameOf("web", key))?.Mounts ?? []).map(({ Name }) => Name);
  const checked = before.volumes.map(async (volume) => {
    const kept = await readFile(join(folderOfVolume(h, volume), "kept"), "utf8").catch(() => "");
    if (!mounted.includes(volume)) return [`web-${key} has lost its volume ${volume}`];
    return kept === volume ? [] : [`the data in ${volume} are lost`];
  });
  return (await Promise.all(checked)).flat();
}

/** They refer to the web that runs: the same network namespace, and its address under the linked name. */
async function wrongDependants({
  one,
  key,
  expected,
  now,
  namespaces,
  h,
}: CaseAfterRecovery): Promise<string[]> {
  const name = nameOf("web", key);
  const web = now.get(name);
  if (!web?.State.Running) return [];
  const roles: readonly Role[] = sceneOf(one.scene).hardInside ? ["child", "hard"] : ["child"];
  const wrong = roles.flatMap((role) => {
    const inside = now.get(nameOf(role, key));
    if (!inside?.State.Running) return [];
    const mode = inside.HostConfig.NetworkMode ?? "nothing";
    return [
      ...(namespaces.get(nameOf(role, key)) === namespaces.get(name)
        ? []
        : [`${nameOf(role, key)} is not in ${name}'s network`]),
      ...(mode === `container:${web.Id}` ? [] : [`${nameOf(role, key)} refers to ${mode}`]),
    ];
  });
  const linker = now.get(nameOf("linker", key));
  if (!linker?.State.Running || isLinkForgotten(expected, key)) return wrong;
  const hosts = await readFile(join(folderOf(h), "containers", linker.Id, "hosts"), "utf8");
  const address = web.NetworkSettings.Networks["bridge"]?.IPAddress ?? "";
  const knows = hosts.split("\n").some((line) => line.startsWith(`${address}\t`) && line.includes("tunnel"));
  return knows ? wrong : [...wrong, `${nameOf("linker", key)} does not know the address of ${name}`];
}
