// The image as the Dockerfile makes it, on an Engine whose containers reach no package mirror: the two stages that
// need one are handed in ready-made. And its generations in the bed's registry, for who follows a tag of it.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ifExists } from "../../shared/docker/engine.ts";
import { bedCommand, engine, engineSocket, registry } from "../bed/bed.ts";
import { checkout } from "./checkout.ts";
import { SOURCE_FOLDERS } from "./sources.ts";

const dist = join(import.meta.dirname, "../..");

/** Of a host. What it printed; what it complained about is in the error. */
export const dockerOn =
  (host: number, cwd?: string) =>
  async (...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, DOCKER_HOST: `unix://${engineSocket(host)}`, OUROBOROS_HOST: "home" };
    return (await promisify(execFile)("docker", args, { cwd, env, maxBuffer: 16 << 20 })).stdout.trim();
  };

export const docker = dockerOn(1);

const BUILT = "ouroboros-of-the-bed:latest";

/** Gives host 1 the image under a tag. It is built once for a bed, or anew where a test has pruned it. */
export async function buildOuroborosImage(tag: string): Promise<void> {
  const found = await ifExists(engine(1).docker.getImage(BUILT).inspect());
  if (found === undefined) await buildByDockerfile(BUILT);
  await docker("tag", BUILT, tag);
}

/** On host 1. What `npm ci --omit=dev` would leave, from the lock file: only this goes into it. */
export async function buildByDockerfile(
  tag: string,
  { platform = "", system = "node:24-trixie-slim" } = {},
): Promise<void> {
  await bedCommand("base-image", "1");
  const folder = await mkdtemp(join(tmpdir(), "our-image-"));
  const lock = JSON.parse(await readFile(join(checkout, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: true; readonly optional?: true }>>;
  };
  const needed = Object.entries(lock.packages).filter(
    ([path, { dev, optional }]) => path !== "" && !dev && !optional,
  );
  const app = join(folder, "app");
  for (const path of ["package.json", ...needed.map(([name]) => name)])
    await cp(join(checkout, path), join(app, path), { recursive: true });
  for (const path of SOURCE_FOLDERS) await cp(join(dist, path), join(app, "dist", path), { recursive: true });
  const contexts = { build: folder, system: `docker-image://${system}` };
  const flags = Object.entries(contexts).flatMap(([name, where]) => ["--build-context", `${name}=${where}`]);
  const kind = platform === "" ? [] : ["--platform", platform];
  const base = ["--build-arg", "NODE=node:24-trixie-slim"]; // the bed's stand-in has another digest
  await docker("build", ...flags, ...base, ...kind, "-t", tag, checkout);
  await rm(folder, { recursive: true });
}

const REPOSITORY = "ouroboros";
/**
 * Where hosts are given generations side by side each has a repository of its own: docker-registry writes the link of a
 * manifest anew with every tag, and answers 500 to who reads it just then.
 */
export const repositoryOn = (host: number): string => `on-${host}/${REPOSITORY}`;
export const imageOf = (repository: string, tag: string): string => `registry.lab:5000/${repository}:${tag}`;
/** The tag that containers of a test run. */
export const latestOf = (repository: string): string => imageOf(repository, "latest");
export const LATEST = latestOf(REPOSITORY);

/** A variable of a running container's environment; "" where there is none. Who waits for it asks often: by the Engine, not by `docker exec`. */
export async function variableOf(container: string, name: string): Promise<string> {
  const inspect = await ifExists(engine(1).docker.getContainer(container).inspect());
  const found = inspect?.Config.Env.find((entry) => entry.startsWith(`${name}=`));
  return inspect?.State.Running === true ? (found?.slice(name.length + 1) ?? "") : "";
}

/** Of all containers on host 1, sorted. */
export const containerNames = async (): Promise<string[]> =>
  (await engine(1).docker.listContainers({ all: true })).map(({ Names }) => (Names[0] ?? "").slice(1)).sort();

/** Builds an image from `ours` with more lines of Dockerfile, and pushes it under its own tag. `files` are beside them. */
export async function pushGeneration(
  generation: string,
  {
    ours,
    lines = [],
    files = {},
    repositories = [REPOSITORY],
  }: {
    ours: string;
    lines?: readonly string[];
    files?: Readonly<Record<string, string>>;
    repositories?: readonly string[];
  },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "generation-"));
  const own = [`FROM ${ours}`, `ENV GENERATION=${generation} UNIQUE=${randomBytes(4).toString("hex")}`];
  await writeFile(join(folder, "Dockerfile"), [...own, ...lines, ""].join("\n"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const tags = repositories.map((repository) => imageOf(repository, generation));
  await docker("build", ...tags.flatMap((tag) => ["-t", tag]), folder);
  for (const tag of tags) await docker("push", tag);
  await docker("rmi", ...tags);
  await rm(folder, { recursive: true });
}

/** A stand-in for the official image of NATS: the same program. */
export async function buildNats(tag: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nats-image-"));
  await cp("/bin/busybox", join(folder, "wget"));
  const lines = ["FROM node:24-trixie-slim", "COPY wget /usr/local/bin/", 'ENTRYPOINT ["nats-server"]', ""];
  await writeFile(join(folder, "Dockerfile"), lines.join("\n"));
  await docker("build", "-t", tag, folder);
  await rm(folder, { recursive: true });
}

/** A stand-in for the socket proxy that our compose file names: its words, its port. */
export async function buildSocketProxy(tag: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "proxy-image-"));
  await cp(join(import.meta.dirname, "socket-proxy-program.js"), join(folder, "proxy.mjs"));
  const lines = ["FROM node:24-trixie-slim", "COPY proxy.mjs /", 'ENTRYPOINT ["node", "/proxy.mjs"]', ""];
  await writeFile(join(folder, "Dockerfile"), lines.join("\n"));
  await docker("build", "-t", tag, folder);
  await rm(folder, { recursive: true });
}

/** From now on the registry gives this generation for the repository's tag `latest`. */
export async function releaseGeneration(generation: string, repository = REPOSITORY): Promise<void> {
  const manifests = new URL(`/v2/${repository}/manifests/`, registry.url);
  const types = ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"];
  const docker2 = ["list.v2", "v2"].map(
    (kind) => `application/vnd.docker.distribution.manifest.${kind}+json`,
  );
  const found = await fetch(new URL(generation, manifests), {
    headers: { accept: [...types, ...docker2].join() },
  });
  if (!found.ok) throw new Error(`no generation ${generation}: ${found.status}`);
  const type = found.headers.get("content-type") ?? "";
  await registry.manifest(repository, "latest", await found.text(), type);
}
