// A swarm of the bed's Engines, and services on it.
import type Docker from "dockerode";
import { ServiceDocument, imageOfService } from "../../shared/swarm/service-document.ts";
import { type Engine, type ImageOptions, bed } from "../bed/bed.ts";
import { release } from "./containers.ts";
import { until } from "./until.ts";

const SECOND = 1e9;

export const addressOf = ({ name }: Engine): string => `${bed().net}.${10 + Number(name.slice(1))}`;

export interface Swarm extends AsyncDisposable {
  /** The first Engine; it leads, as long as no other manager takes over. */
  readonly manager: Engine;
  readonly deploy: (name: string, options?: ServiceOptions) => Promise<string>;
  readonly serviceOf: (name: string) => Promise<ServiceDocument>;
  /** The image's digest in the service's spec. */
  readonly digestOf: (name: string) => Promise<string>;
  /** The digests that its running tasks have, one each. */
  readonly running: (name: string) => Promise<string[]>;
}

export interface ServiceOptions {
  readonly imageOptions?: ImageOptions;
  readonly labels?: Readonly<Record<string, string>>;
  readonly replicas?: number;
  readonly update?: Readonly<Record<string, unknown>>;
  /** Merged over its ContainerSpec. */
  readonly container?: Readonly<Record<string, unknown>>;
  /** Merged over its TaskTemplate. */
  readonly task?: Readonly<Record<string, unknown>>;
  /** Merged over the spec; it is not waited for then. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Without it the digest that the registry has is added, as Docker's client does. */
  readonly image?: string;
  /** The manager that is asked to make it; the first one unless another is named. */
  readonly by?: Engine;
}

export const WATCHED = { "com.ouroboros.enable": "true" };

/** The digests that its running tasks have, one each, as this manager sees them. */
async function runningSeenBy({ docker }: Engine, name: string): Promise<string[]> {
  const tasks = (await docker.listTasks({
    filters: { service: [name], "desired-state": ["running"] },
  })) as { Status: { State: string }; Spec: { ContainerSpec: { Image: string } } }[];
  return tasks
    .filter(({ Status }) => Status.State === "running")
    .map(({ Spec }) => Spec.ContainerSpec.Image.split("@")[1] ?? "");
}

interface NodeDocument {
  readonly Version: { readonly Index: number };
  readonly Spec: object;
}

/** Changes the spec of this Engine's node, as the manager `by` is asked to. */
async function changeNode(by: Engine, of: Engine, change: object): Promise<void> {
  const { Swarm: info } = (await of.docker.info()) as { Swarm: { NodeID: string } };
  const node = by.docker.getNode(info.NodeID);
  const { Version, Spec } = (await node.inspect()) as NodeDocument;
  await node.update({ _query: { version: Version.Index }, _body: { ...Spec, ...change } });
}

export const setAvailability = (
  by: Engine,
  of: Engine,
  Availability: "active" | "pause" | "drain",
): Promise<void> => changeNode(by, of, { Availability });

export const demote = (by: Engine, of: Engine): Promise<void> => changeNode(by, of, { Role: "worker" });

/** What a manager that is not the first sees of a service; undefined where it sees none. */
export async function serviceSeenBy(
  engine: Engine,
  name: string,
): Promise<
  { readonly digest: string; readonly state: string; readonly tasks: readonly string[] } | undefined
> {
  try {
    const { Spec, UpdateStatus } = ServiceDocument.parse(await engine.docker.getService(name).inspect());
    return {
      digest: imageOfService(Spec).split("@")[1] ?? "",
      state: UpdateStatus?.State ?? "",
      tasks: await runningSeenBy(engine, name),
    };
  } catch {
    return undefined;
  }
}

/** The first leads; `role` is that of the others. */
export async function formSwarm(
  [manager, ...others]: readonly [Engine, ...Engine[]],
  role: "Worker" | "Manager" = "Worker",
): Promise<Swarm> {
  const listen = `0.0.0.0:2377`;
  await manager.docker.swarmInit({ ListenAddr: listen, AdvertiseAddr: addressOf(manager) });
  const { JoinTokens } = (await manager.docker.swarmInspect()) as {
    JoinTokens: Record<"Worker" | "Manager", string>;
  };
  for (const engine of others)
    await engine.docker.swarmJoin({
      ListenAddr: listen,
      AdvertiseAddr: addressOf(engine),
      RemoteAddrs: [`${addressOf(manager)}:2377`],
      JoinToken: JoinTokens[role],
    });
  const serviceOf = async (name: string): Promise<ServiceDocument> =>
    ServiceDocument.parse(await manager.docker.getService(name).inspect());
  const running = (name: string): Promise<string[]> => runningSeenBy(manager, name);
  return {
    manager,
    serviceOf,
    running,
    digestOf: async (name) => imageOfService((await serviceOf(name)).Spec).split("@")[1] ?? "",
    deploy: async (name, options = {}) => {
      const { reference, digest } = await release(`apps/${name}`, "1", options.imageOptions);
      const { replicas = 1, by = manager } = options;
      const spec = {
        Name: name,
        Labels: { ...WATCHED, ...options.labels },
        TaskTemplate: {
          ContainerSpec: { Image: options.image ?? `${reference}@${digest}`, ...options.container },
          RestartPolicy: { Condition: "any", Delay: SECOND / 2 },
          ...options.task,
        },
        Mode: { Replicated: { Replicas: replicas } },
        UpdateConfig: { Parallelism: 1, Monitor: SECOND, FailureAction: "pause", ...options.update },
        RollbackConfig: { Parallelism: 0, Monitor: SECOND / 2 },
        ...options.spec,
      };
      await by.docker.createService(spec as unknown as Docker.CreateServiceOptions);
      if (options.spec === undefined)
        await until(`${name} runs`, async () => (await runningSeenBy(by, name)).length === replicas);
      return digest;
    },
    [Symbol.asyncDispose]: async () => {
      const listed = await manager.docker.listServices().catch(() => []);
      for (const { ID } of listed) await manager.docker.getService(ID).remove();
      const all = [manager, ...others];
      for (const engine of all.toReversed())
        await engine.docker.swarmLeave({ force: true }).catch(() => undefined);
      for (const engine of all)
        await until(`${engine.name} has no task`, async () => {
          await engine.clean();
          return (await engine.docker.listContainers({ all: true })).length === 0;
        });
    },
  };
}
