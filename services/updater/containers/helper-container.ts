// The one-shot helper container, in which the program replaces the updater's own container. The helper is a copy of a
// running container, without what two containers cannot have at once, and without ports that others can reach.
//   H1  There is one helper at a time on an Engine: its name is the lock.
//   H2  While the helper runs, it alone acts on the Engine; an updater waits for its end before it recovers anything.
//   H3  The helper is restarted until it reports itself as done, so neither a crash nor a power cut ends it half-way.
//       This includes an Engine that crashed: depending on the restart policy, such an Engine takes a container that
//       it stops for one that its owner stopped.
import * as z from "zod";
import type { ContainerInspectInfo } from "dockerode";
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Clock } from "../../../shared/clock.ts";
import { CONFLICT, type Engine, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { Suspended } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { HELPER_ROLE, roleOf } from "../../../shared/containers/self-update-policy.ts";
import type { Host } from "../../../shared/runtime/run-service.ts";
import { createOptionsFrom } from "../create/create-options.ts";
import { readHelperReport, removeHelperReport } from "./helper-report.ts";

const NAME = "ouroboros-helper";
const LOOK_EVERY_MS = 250;
/** Restarting does not help a program that cannot even start. */
const MOST_RESTARTS = 5;

export const HelperJob = z.object({
  /** `forward`: replace the container by one of the new image; `back`: put the old container back. */
  way: z.enum(["forward", "back"]),
  run: z.string(),
  name: z.string(),
  /** Id of the container that is, or was, replaced. */
  old: z.string(),
  /** Id of the new image, and the reference that the container follows. */
  image: z.string(),
  reference: z.string(),
});
export type HelperJob = z.infer<typeof HelperJob>;

interface HelperOptions {
  readonly host: Host;
  /** The container that the helper is a copy of. */
  readonly like: ContainerInspection;
  /** Id of the helper's image: the image to switch to. */
  readonly image: string;
  readonly job: HelperJob;
}

/** H1: removes an earlier helper that has ended. @throws Error if another helper runs. */
export async function startHelper({ host, like, image, job }: HelperOptions): Promise<void> {
  const { engine } = host;
  await removeHelper(engine);
  const [oldImage, newImage] = await Promise.all(
    [like.Image, image].map(async (id) => await engine.docker.getImage(id).inspect()),
  );
  if (oldImage === undefined || newImage === undefined) throw new Error("unreachable: two ids, two images");
  const old = like;
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

/** The flags of the command, without the service name. */
const flagsOf = ({ Config }: ContainerInspection): readonly string[] => {
  const words = (Config.Cmd as readonly string[] | null) ?? [];
  return words[0]?.startsWith("-") === false ? words.slice(1) : words;
};

/** How the last helper ended. */
export type HelperOutcome = { readonly job: HelperJob } & HelperEnd;

type HelperEnd =
  | { readonly end: "done" }
  /** The old container runs as before: it was put back, or the helper could not do its work at all. */
  | { readonly end: "undone" | "did not start"; readonly because: string };

/**
 * The outcome of the last helper; undefined if there was none. A helper that cannot start is removed and has failed.
 */
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
      const because = await readHelperFailure(engine, job);
      await removeHelper(engine, { force: true });
      return { job, end: "did not start", because: `its helper did not start: ${because}` };
    }
    const isOver = !inspect.State.Running && !inspect.State.Restarting && inspect.State.Status !== "created";
    const isDone = inspect.HostConfig.RestartPolicy?.Name === "no";
    if (isOver && isDone) return { job, ...(await readHelperEnd(engine, helper)) };
    if (isOver || inspect.State.Status === "created") await restartHelper(engine);
    if (signal.aborted) throw new Suspended("stopped while a helper is at work");
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** By its report; a helper of an earlier version has its exit code and its log alone. */
async function readHelperEnd(engine: Engine, { inspect, job }: FoundHelper): Promise<HelperEnd> {
  const report = await readHelperReport(engine, job);
  const isDone = report === undefined ? inspect.State.ExitCode === 0 : report.end === "done";
  return isDone ? { end: "done" } : { end: "undone", because: await readHelperFailure(engine, job) };
}

/** Somebody stopped the helper, or its creator ended before starting it. It is over only when it reports so (H3). */
const restartHelper = (engine: Engine): Promise<void> =>
  ignoreStatuses([304, NOT_FOUND, CONFLICT], engine.docker.getContainer(NAME).start());

interface FoundHelper {
  readonly inspect: ContainerInspection;
  readonly job: HelperJob;
}

/** Ignores a foreign container with the same name. */
async function findHelper(engine: Engine): Promise<FoundHelper | undefined> {
  const inspect = await ifExists(engine.docker.getContainer(NAME).inspect());
  if (inspect === undefined || roleOf({ labels: inspect.Config.Labels }) !== HELPER_ROLE) return undefined;
  const job = HelperJob.safeParse(parseJson((inspect.Config.Cmd ?? [])[1] ?? ""));
  return job.success ? { inspect, job: job.data } : undefined;
}

/** H2: a running helper stays, unless `force` is set. */
export async function removeHelper(engine: Engine, { force = false } = {}): Promise<void> {
  const helper = await findHelper(engine);
  if (helper === undefined || (helper.inspect.State.Running && !force)) return;
  await removeHelperReport(engine);
  await ignoreStatuses(
    [NOT_FOUND, CONFLICT],
    engine.docker.getContainer(helper.inspect.Id).remove({ force }),
  ); // runs, or is being removed
}

/** H3: the helper calls this before its end. */
export const disableHelperRestarts = async (engine: Engine): Promise<void> => {
  await engine.docker.getContainer(NAME).update({ RestartPolicy: { Name: "no" } });
};

/** This log line says why the program ended, not why its job failed. */
const STOP_MESSAGE = '"msg":"stopped"';

/**
 * Why the job failed: by the helper's report, else the reason in the last line of its log that has one. A program that
 * cannot start reports nothing. Some log drivers cannot be read.
 */
async function readHelperFailure(engine: Engine, job: HelperJob): Promise<string> {
  const report = await readHelperReport(engine, job);
  if (report?.because) return report.because;
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
