// The calls to the Engine about one service. Engine API: ServiceInspect, ServiceUpdate, TaskList, DistributionInspect.
import * as z from "zod";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { authConfigOf, findCredentials } from "../../../shared/registry/credentials.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import { ServiceDocument, TaskDocument, imageAtDigest } from "../../../shared/swarm/service-document.ts";
import type { Bus } from "../bus.ts";
import { readCredentialSettings } from "../containers/pull-image.ts";
import type { ServiceState } from "./judge-update.ts";
import { type NodePlatform, nodePlatformsOf } from "./node-platforms.ts";

type ServiceEngine = Pick<Engine, "docker">;

/** Undefined where it is gone. */
export async function inspectService(
  { docker }: ServiceEngine,
  id: string,
): Promise<ServiceDocument | undefined> {
  const found: unknown = await ifExists(docker.getService(id).inspect());
  return found === undefined ? undefined : ServiceDocument.parse(found);
}

export async function lookAtService(engine: ServiceEngine, id: string): Promise<ServiceState> {
  const service = await inspectService(engine, id);
  if (service === undefined) return { service, tasks: [] };
  const tasks: unknown = await engine.docker.listTasks({ filters: { service: [id] } });
  return { service, tasks: z.array(TaskDocument).parse(tasks) };
}

type RegistryAuth = ReturnType<typeof authConfigOf>;

/** The credentials that the nodes pull with. Without any the Engine keeps those that the service has. */
async function findRegistryAuth(bus: Bus, { registry }: ImageRef): Promise<RegistryAuth | undefined> {
  const credentials = await findCredentials(registry, await readCredentialSettings(bus));
  return credentials && authConfigOf(credentials, registry);
}

/** The image that a service gets, and what goes with it. */
export interface ServiceChange {
  readonly ref: ImageRef;
  readonly digest: string;
  readonly auth: RegistryAuth | undefined;
  /** Undefined where the registry does not tell: the service's own list stays. */
  readonly platforms: readonly NodePlatform[] | undefined;
}

/** Asks the registry, by the Engine, so it may take its time. */
export async function prepareChange(bus: Bus, ref: ImageRef, digest: string): Promise<ServiceChange> {
  const auth = await findRegistryAuth(bus, ref);
  const platforms = await readPlatforms(bus.host.engine, `${ref.name}@${digest}`, auth);
  return { ref, digest, auth, platforms };
}

/** Sends the service's spec with the new image; the Engine takes it for this version of the service only. */
export async function sendUpdate(
  { docker }: ServiceEngine,
  { ID, Version, Spec }: ServiceDocument,
  { ref, digest, auth, platforms }: ServiceChange,
): Promise<void> {
  const { ContainerSpec, Placement } = Spec.TaskTemplate;
  const spec = {
    ...Spec,
    TaskTemplate: {
      ...Spec.TaskTemplate,
      ContainerSpec: { ...ContainerSpec, Image: imageAtDigest(ref, digest) },
      ...(platforms !== undefined && { Placement: { ...Placement, Platforms: platforms } }),
    },
  };
  const query = { version: Version.Index };
  await docker.getService(ID).update({ _query: query, _body: spec, ...(auth && { authconfig: auth }) });
}

/** Has the Engine go back to the service's previous spec, by the service's own RollbackConfig. */
export async function sendRollback(
  { docker }: ServiceEngine,
  { ID, Version, Spec }: ServiceDocument,
): Promise<void> {
  const query = { version: Version.Index, rollback: "previous", registryAuthFrom: "previous-spec" };
  await docker.getService(ID).update({ _query: query, _body: Spec });
}

/** The platforms of an image, so that the swarm gives a task only to a node that can run it. */
async function readPlatforms(
  { docker }: ServiceEngine,
  image: string,
  auth: RegistryAuth | undefined,
): Promise<readonly NodePlatform[] | undefined> {
  const options = auth === undefined ? {} : { authconfig: auth };
  const answer = await docker
    .getImage(image)
    .distribution(options)
    .then(
      (found: unknown) => found,
      () => undefined,
    );
  return nodePlatformsOf(answer);
}
