// Containers of the test's own on a bed's Engine.
import assert from "node:assert/strict";
import type Docker from "dockerode";
import { ifExists } from "../../shared/docker/engine.ts";
import { type Engine, type ImageOptions, leftovers, pushApp } from "../bed/bed.ts";
import { CANARY_ENV } from "./canary-secret.ts";
import { until } from "./until.ts";

/** For a container whose next image ends at once: that it ended is seen, also where it takes seconds to look. */
export const LONG_SETTLE_TIME = { "com.ouroboros.settle_time": "5s" };

/** Pushes the image, pulls it and runs a container of it. Resolves with the container's id. */
export async function deploy(
  engine: Engine,
  name: string,
  options: {
    image?: string;
    version?: string;
    imageOptions?: ImageOptions;
    create?: Docker.ContainerCreateOptions;
  } = {},
): Promise<string> {
  const image = options.image ?? `apps/${name}`;
  const { reference } = await release(image, options.version ?? "1", options.imageOptions);
  await pull(engine, reference);
  const container = await engine.docker.createContainer({
    Env: [CANARY_ENV],
    ...options.create,
    name,
    Image: reference,
  });
  await container.start();
  return container.id;
}

/** Moves the tag `latest` of an image to a new version. */
export async function release(
  image: string,
  version: string,
  options: ImageOptions = {},
): Promise<{ reference: string; digest: string; configDigest: string }> {
  return pushApp(image, "latest", {
    body: `${image} ${version}`,
    ...options,
    env: [`VERSION=${version}`, ...(options.env ?? [])],
  });
}

export async function pull(engine: Engine, reference: string): Promise<void> {
  const stream = await engine.docker.pull(reference);
  await new Promise<void>((resolve, reject) => {
    engine.docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
  });
}

/** `web running 2`: every container's name, state and the version of its image, sorted. */
export async function overview(engine: Engine): Promise<string[]> {
  const listed = await engine.docker.listContainers({ all: true });
  const inspected = await Promise.all(
    listed.map(({ Id }) => ifExists(engine.docker.getContainer(Id).inspect())),
  );
  return inspected
    .filter((inspect) => inspect !== undefined)
    .map(({ Name, State, Config }) => {
      const version = Config.Env.find((entry) => entry.startsWith("VERSION="))?.slice("VERSION=".length);
      return `${Name.slice(1)} ${State.Status} ${version ?? "?"}`;
    })
    .sort();
}

/**
 * What is left on the Engine in the end, or only what `concerns` is about, as `leftovers` lists it. It is waited for: an updater
 * gives its lease of the Engine back, which is a volume, a moment after the end of a run can be seen.
 */
export async function assertLeft(
  engine: Engine,
  expected: readonly string[],
  concerns: (thing: string) => boolean = () => true,
): Promise<void> {
  const left = async () => (await leftovers(engine)).filter(concerns).sort();
  const wanted = expected.toSorted();
  const isSo = async () => (await left()).join() === wanted.join();
  await until("nothing else is left", isSo).catch(() => undefined);
  assert.deepEqual(await left(), wanted);
}

export const isVolume = (thing: string): boolean => thing.includes(": volume ");

export const idOf = async (engine: Engine, name: string): Promise<string> =>
  (await engine.docker.getContainer(name).inspect()).Id;
