/**
 * Deploys cases on an Engine of the bed, lets their images move in the registry, and has the product update them all
 * at once, as processes, in the way its users run it.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { isOlder } from "../../shared/version.ts";
import { type Engine, bed, pushApp } from "../bed/bed.ts";
import { pull } from "../support/containers.ts";
import type { Body, Case, Member, CaseContext, Scene } from "./case.ts";
import type { Document, Mount } from "./compare.ts";
import { type ImageName, imagesFor } from "./images.ts";

export type Cases = Readonly<Record<string, Case>>;

/** Networks that all cases share, by name; each is in a range of its own, so that addresses can be asked for. */
const networks: Readonly<Record<string, object>> = {
  lan: { IPAM: { Config: [{ Subnet: "10.213.1.0/24" }] } },
  dmz: { IPAM: { Config: [{ Subnet: "10.213.2.0/24" }] } },
  ops: { IPAM: { Config: [{ Subnet: "10.213.3.0/24" }] } },
  six: { EnableIPv6: true, IPAM: { Config: [{ Subnet: "10.213.4.0/24" }, { Subnet: "fd00:213:4::/64" }] } },
  six2: { EnableIPv6: true, IPAM: { Config: [{ Subnet: "10.213.5.0/24" }, { Subnet: "fd00:213:5::/64" }] } },
};

/** A container of a case. */
interface Subject {
  readonly case: string;
  readonly key: string;
  readonly member: Member;
  readonly name: string;
}

export interface Lab {
  readonly engine: Engine;
  readonly api: string;
  readonly cases: Cases;
  /** Before any update, by container name. */
  readonly was: ReadonlyMap<string, Document>;
  /** Why a case could not be deployed, by its name. */
  readonly undeployed: ReadonlyMap<string, string>;
  /** Names of all volumes there are before any update. */
  readonly volumes: readonly string[];
  readonly place: (name: string) => CaseContext;
}

const subjectsOf = (cases: Cases): Subject[] =>
  Object.entries(cases).flatMap(([name, one]) =>
    Object.entries(one.members).map(([key, member]) => ({
      case: name,
      key,
      member,
      name: nameOf(one, name, key),
    })),
  );
export const nameOf = (one: Case, name: string, key: string): string =>
  Object.keys(one.members).length === 1 ? name : `${name}-${key}`;

export const imageOf = (member: Member): ImageName => member.image ?? "harsh";
export const fateOf = ({ fate }: Member): NonNullable<Member["fate"]> => fate ?? "updated";

/** All containers of all cases, edited and in their states, with a mark in each of their volumes. */
export async function setUp(engine: Engine, cases: Cases): Promise<Lab> {
  const { ApiVersion: api } = await engine.docker.version();
  const folder = join(bed().folder, `fidelity-${engine.name}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "file"), "from the host\n");
  const names = [...new Set(subjectsOf(cases).map(({ member }) => imageOf(member)))];
  await moveImages(names, api, 0);
  await inTurns(names, 4, async (name) => pull(engine, referenceOf(name)));
  for (const [Name, options] of Object.entries(networks))
    await engine.docker.createNetwork({ Name, ...options });
  const place = (name: string): CaseContext => ({
    folder,
    own: (what) => `${name}-${what}`,
    idOf: () => {
      throw new Error(`${name}: no such container`);
    },
  });
  const undeployed = new Map<string, string>();
  const ids = await inTurns(Object.entries(cases), 6, ([name, one]) =>
    deploy({ engine, api, place: place(name) }, name, one).catch((error: unknown) => {
      undeployed.set(name, String(error));
      return [];
    }),
  );
  const was = new Map<string, Document>();
  for (const [name, id] of ids.flat()) {
    const document = await inspectAs(engine.docker, id);
    was.set(name, document);
    await mark(engine, document);
  }
  const { Volumes } = await engine.docker.listVolumes();
  return { engine, api, cases, was, undeployed, place, volumes: Volumes.map(({ Name }) => Name) };
}

const referenceOf = (image: ImageName): string => `registry.lab:5000/fidelity/${image.toLowerCase()}:1`;

/** Moves each tag to the image's `version`, counted from 0, where it has so many. */
export async function moveImages(names: readonly ImageName[], api: string, version: number): Promise<void> {
  await inTurns(names, 4, async (name) => {
    const options = imagesFor(api)[name][version];
    if (options !== undefined) await pushApp(`fidelity/${name.toLowerCase()}`, "1", options);
  });
}

interface Where {
  readonly engine: Engine;
  readonly api: string;
  readonly place: CaseContext;
}

/** Resolves with name and id of each of its containers. */
async function deploy(where: Where, name: string, one: Case): Promise<[string, string][]> {
  const ids = new Map<string, string>();
  const place = { ...where.place, idOf: (key: string) => ids.get(key) ?? "" };
  for (const [key, member] of Object.entries(one.members)) {
    const id = await create({ ...where, place }, member, { name: nameOf(one, name, key) });
    ids.set(key, id);
    if (member.state !== "created") await where.engine.docker.getContainer(id).start();
    await edit({ ...where, place }, member, id);
  }
  for (const [key, { state }] of Object.entries(one.members))
    await bringTo(state, where.engine.docker.getContainer(ids.get(key) ?? ""));
  return Object.entries(one.members).flatMap(([key, { state }]) =>
    state === "removed" ? [] : [[nameOf(one, name, key), ids.get(key) ?? ""]],
  );
}

async function bringTo(state: Member["state"], container: Docker.Container): Promise<void> {
  if (state === "exited") await container.stop();
  if (state === "paused") await container.pause();
  if (state === "removed") await container.remove({ force: true });
}

const edit = async ({ engine, place }: Where, member: Member, id: string): Promise<unknown> =>
  member.edit?.({ ...place, docker: engine.docker, container: engine.docker.getContainer(id) });

interface Making {
  readonly name: string;
  /** Instead of the member's own reference. */
  readonly image?: string;
}

/** Creates the member's container, as `docker create` does it: all its networks, before it starts. */
async function create(
  { engine, api, place }: Where,
  member: Member,
  { name, image }: Making,
): Promise<string> {
  const reference = image ?? (await referenceFor(engine, member));
  const body: Body = typeof member.body === "function" ? member.body(place) : (member.body ?? {});
  const endpoints = Object.entries(member.endpoints ?? {});
  const [first] = endpoints;
  const atCreate = isOlder(api, "1.44") ? endpoints.slice(0, 1) : endpoints;
  const hostConfig = {
    ...(first && { NetworkMode: first[0] }),
    ...(body["HostConfig"] as object | undefined),
  };
  const { id } = await engine.docker.createContainer({
    ...body,
    name,
    Image: reference,
    HostConfig: hostConfig,
    ...(first && { NetworkingConfig: { EndpointsConfig: Object.fromEntries(atCreate) } }),
  });
  for (const [network, endpoint] of endpoints.slice(atCreate.length))
    await engine.docker.getNetwork(network).connect({ Container: id, EndpointConfig: endpoint });
  return id;
}

async function referenceFor(engine: Engine, member: Member): Promise<string> {
  const reference = referenceOf(imageOf(member));
  if (member.reference === undefined) return reference;
  const { Id: id, RepoDigests } = await engine.docker.getImage(reference).inspect();
  return member.reference({ reference, id, digest: RepoDigests[0]?.split("@")[1] ?? "" });
}

/** Where a volume is on this machine. */
const pathOf = ({ name }: Engine, { Source }: Mount): string =>
  Source.replace("/var/lib/docker", join(bed().folder, name, "docker"));
const isData = ({ Type, Name }: Mount): boolean => Type === "volume" && Name !== undefined;

async function mark(engine: Engine, document: Document): Promise<void> {
  for (const mount of document.Mounts.filter(isData))
    await writeFile(join(pathOf(engine, mount), "mark"), mount.Name ?? "");
}

/** What was lost of a container's volumes: `/data` for one that is not there or has not its mark. */
export async function lostData(lab: Lab, was: Document, now: Document): Promise<string[]> {
  const lost: string[] = [];
  for (const { Name, Destination } of was.Mounts.filter(isData)) {
    const mount = now.Mounts.find((one) => one.Destination === Destination && one.Name === Name);
    const text = mount && (await readFile(join(pathOf(lab.engine, mount), "mark"), "utf8").catch(() => ""));
    if (text !== Name) lost.push(Destination);
  }
  return lost;
}

/** Creates what a member is compared with, and gives what inspect says of it. `image` is what it is to run. */
export async function control(lab: Lab, name: string, key: string, imageId: string): Promise<Document> {
  const { engine, api, cases } = lab;
  const one = cases[name];
  const member = one?.members[key];
  if (one === undefined || member === undefined) throw new Error(`no container ${key} in ${name}`);
  const place = sceneOf(lab, name);
  await place.refresh();
  const where = { engine, api, place };
  const reference = await referenceFor(engine, member);
  const tagged = await engine.docker.getImage(reference).inspect();
  const id = await create(where, member, {
    name: `${nameOf(one, name, key)}-control`,
    ...(tagged.Id !== imageId && { image: imageId }),
  });
  try {
    await edit(where, member, id);
    const document = await inspectAs(engine.docker, id);
    return { ...document, Config: { ...document.Config, Image: reference } };
  } finally {
    await engine.docker.getContainer(id).remove({ force: true, v: true });
  }
}

export const inspectAs = async (docker: Docker, id: string): Promise<Document> =>
  (await docker.getContainer(id).inspect()) as unknown as Document;

/** `refresh` looks up the ids of the containers of now. */
export function sceneOf(lab: Lab, name: string): Scene & { readonly refresh: () => Promise<void> } {
  const { docker } = lab.engine;
  const one = lab.cases[name];
  const ids = new Map<string, string>();
  const find = (key: string) => docker.getContainer(one === undefined ? "" : nameOf(one, name, key));
  return {
    ...lab.place(name),
    docker,
    api: lab.api,
    idOf: (key) => ids.get(key) ?? "",
    refresh: async () => {
      for (const [key, { state }] of Object.entries(one?.members ?? {}))
        if (state !== "removed") ids.set(key, (await find(key).inspect()).Id);
    },
    inspect: (key = "it") => find(key).inspect(),
    exec: (key, ...words) => execIn(find(key), words),
  };
}

async function execIn(container: Docker.Container, words: readonly string[]): Promise<string> {
  const exec = await container.exec({
    Cmd: [...words],
    User: "0",
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
  });
  const stream = await exec.start({ Tty: true });
  let said = "";
  for await (const chunk of stream) said += String(chunk);
  return said.replaceAll("\r\n", "\n");
}

/** Podman removes a container only after those that share its namespaces. */
export async function tearDown(engine: Engine): Promise<void> {
  const listed = await engine.docker.listContainers({ all: true });
  for (const { Id } of listed) {
    const { HostConfig } = await inspectAs(engine.docker, Id);
    if (HostConfig.NetworkMode.startsWith("container:"))
      await engine.docker.getContainer(Id).remove({ force: true });
  }
  await engine.clean();
  await rm(join(bed().folder, `fidelity-${engine.name}`), { recursive: true, force: true });
}

/** At most `width` at a time; results in order. */
export async function inTurns<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [at, item] of waiting) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
