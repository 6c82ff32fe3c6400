// The one-shot container in which the program replaces the container of the updater itself: made from a container
// that runs, but for what two of them cannot have at once, and without anything that can be reached from outside.
//   H1  There is one helper at a time on an Engine: its name is the lock.
//   H2  While it runs it alone acts there; an updater waits for its end before it recovers anything.
//   H3  It is restarted until it says itself that it is done, so neither a crash nor a power cut ends it half-way; also
//       by an Engine that crashed, which takes what it stops then for its owner's wish where the policy asks for that.
import type { ContainerInspectInfo } from "dockerode";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { CONFLICT, type Engine, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { Suspended } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { HELPER_ROLE, roleOf } from "../../../shared/containers/self-update-policy.ts";
import type { Host } from "../../../shared/runtime/run-service.ts";
import { createOptionsFrom } from "../create/create-options.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";

const NAME = "ouroboros-helper";
const LOOK_EVERY_MS = 250;
/** A program that cannot even start does not get better. */
const MOST_RESTARTS = 5;

export const HelperJob = z.object({
  /** `forward`: replace the container by one of the new image; `back`: put the replaced one back. */
  way: z.enum(["forward", "back"]),
  run: z.string(),
  name: z.string(),
  /** Id of the container that is, or was, replaced. */
  old: z.string(),
  /** Id of the new image, and the reference that it is followed by. */
  image: z.string(),
  reference: z.string(),
});
export type HelperJob = z.infer<typeof HelperJob>;

interface HelperOptions {
  readonly host: Host;
  /** The container that the helper is like. */
  readonly like: ContainerInspectInfo;
  /** Id of the image it runs: the one that is gone to. */
  readonly image: string;
  readonly job: HelperJob;
}

/** H1: one that is left is removed, if it has ended. @throws Error where another one runs. */
export async function startHelper({ host, like, image, job }: HelperOptions): Promise<void> {
  const { engine } = host;
  await removeHelper(engine);
  const [oldImage, newImage] = await Promise.all(
    [like.Image, image].map(
      async (id) => (await engine.docker.getImage(id).inspect()) as unknown as ImageDocument,
    ),
  );
  if (oldImage === undefined || newImage === undefined) throw new Error("unreachable: two ids, two images");
  const old = like as unknown as ContainerDocument;
  const { body } = createOptionsFrom({
    ...{ old, oldImage, newImage, api: engine.api, engineHostname: engine.hostname },
    ...{ replaced: new Map(), volumesFrom: new Map() },
  });
  const helper = await engine.docker.createContainer({
    ...makeHelperBody(body, { host, like, image, job }),
    name: NAME,
  });
  const [, ...more] = networksOf(like);
  for (const network of more) await engine.docker.getNetwork(network).connect({ Container: helper.id });
  await helper.start();
}

function makeHelperBody(
  body: Readonly<Record<string, unknown>>,
  { host, like, image, job }: HelperOptions,
): object {
  const { Entrypoint: _own, Hostname: _name, MacAddress: _mac, ...rest } = body;
  const env = (body["Env"] as readonly string[] | undefined) ?? [];
  const { socket, isTls } = host.engine;
  const engine = { DOCKER_SOCKETS: socket, DOCKER_TLS: String(isTls) };
  const settings = { ...engine, OUROBOROS_HOST: host.name, HEALTH_PORT: "off" };
  const isSet = (entry: string): boolean => Object.hasOwn(settings, entry.split("=")[0] ?? "");
  const [first] = networksOf(like);
  return {
    ...rest,
    Image: image,
    Cmd: ["helper", JSON.stringify(job), ...flagsOf(like)],
    Env: [...env.filter((entry) => !isSet(entry)), ...Object.entries(settings).map((pair) => pair.join("="))],
    Labels: { "com.ouroboros.role": HELPER_ROLE },
    Healthcheck: { Test: ["NONE"] },
    ExposedPorts: {},
    NetworkingConfig: first === undefined ? {} : { EndpointsConfig: { [first]: {} } },
    HostConfig: {
      ...(body["HostConfig"] as object),
      PortBindings: {},
      PublishAllPorts: false,
      Links: null,
      AutoRemove: false,
      RestartPolicy: { Name: "always" }, // H3
    },
  };
}

/** Where the Engine is reached by a name of theirs; none where it shares another's network or has none. */
const networksOf = ({ HostConfig: { NetworkMode = "" }, NetworkSettings }: ContainerInspectInfo): string[] =>
  NetworkMode.startsWith("container:") || ["host", "none"].includes(NetworkMode)
    ? []
    : Object.keys(NetworkSettings.Networks);

/** The command without its first word, the service. */
const flagsOf = ({ Config }: ContainerInspectInfo): readonly string[] => {
  const words = (Config.Cmd as readonly string[] | null) ?? [];
  return words[0]?.startsWith("-") === false ? words.slice(1) : words;
};

export interface HelperOutcome {
  readonly job: HelperJob;
  /** Why it did not do it; undefined where it did. */
  readonly because: string | undefined;
}

/** What the last helper said; undefined where there was none. One that cannot start is removed and counts as failed. */
export async function awaitHelper(
  engine: Engine,
  clock: Clock,
  signal: AbortSignal,
): Promise<HelperOutcome | undefined> {
  for (;;) {
    const helper = await findHelper(engine);
    if (helper === undefined) return undefined;
    const { inspect, job } = helper;
    if (inspect.RestartCount >= MOST_RESTARTS) {
      const because = await readHelperFailure(engine);
      await removeHelper(engine, { force: true });
      return { job, because: `its helper did not start: ${because}` };
    }
    const isOver = !inspect.State.Running && !inspect.State.Restarting && inspect.State.Status !== "created";
    const isDone = inspect.HostConfig.RestartPolicy?.Name === "no";
    if (isOver && isDone)
      return { job, because: inspect.State.ExitCode === 0 ? undefined : await readHelperFailure(engine) };
    if (isOver || inspect.State.Status === "created") await restartHelper(engine);
    if (signal.aborted) throw new Suspended("stopped while a helper is at work");
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** Somebody stopped it, or ended before they started it. It is over only when it says so. */
const restartHelper = (engine: Engine): Promise<void> =>
  ignoreStatuses([304, NOT_FOUND, CONFLICT], engine.docker.getContainer(NAME).start());

/** Another's container that bears the name is none. */
async function findHelper(
  engine: Engine,
): Promise<{ readonly inspect: ContainerInspectInfo; readonly job: HelperJob } | undefined> {
  const inspect = await ifExists(engine.docker.getContainer(NAME).inspect());
  if (inspect === undefined || roleOf({ labels: inspect.Config.Labels }) !== HELPER_ROLE) return undefined;
  const job = HelperJob.safeParse(parseJson((inspect.Config.Cmd ?? [])[1] ?? ""));
  return job.success ? { inspect, job: job.data } : undefined;
}

/** H2: one that runs stays, but for `force`. */
export async function removeHelper(engine: Engine, { force = false } = {}): Promise<void> {
  const helper = await findHelper(engine);
  if (helper !== undefined)
    await ignoreStatuses(
      [NOT_FOUND, CONFLICT],
      engine.docker.getContainer(helper.inspect.Id).remove({ force }),
    ); // runs, or is being removed
}

/** H3: the helper itself, before its end. */
export const disableHelperRestarts = async (engine: Engine): Promise<void> => {
  await engine.docker.getContainer(NAME).update({ RestartPolicy: { Name: "no" } });
};

/** Why the program ended is no reason for what came of its work. */
const STOP_MESSAGE = '"msg":"stopped"';

/** The reason in the last line that has one; some log drivers cannot be read. */
async function readHelperFailure(engine: Engine): Promise<string> {
  try {
    const logs = await engine.docker.getContainer(NAME).logs({ stdout: true, stderr: true, tail: 50 });
    const text = logs
      .toString()
      .split("\n")
      .filter((line) => !line.includes(STOP_MESSAGE))
      .join("\n");
    const [, because] = [...text.matchAll(/"because":("(?:[^"\\]|\\.)*")/g)].at(-1) ?? [];
    const last =
      text
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^[^ -~]+/, "") ?? "";
    return because === undefined ? last || "it said nothing" : (JSON.parse(because) as string);
  } catch {
    return "its log cannot be read";
  }
}
