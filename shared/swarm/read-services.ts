// Reads the services of the swarm that this Engine leads. Of several managers only the leader acts, so that each
// service is looked after once; the next leader takes over by itself. Engine API: SystemInfo, NodeInspect,
// ServiceList.
import * as z from "zod";
import { reasonOf } from "../catalogue/entry.ts";
import { swarmReasons } from "../catalogue/swarm-reasons.ts";
import type { ContainerFacts } from "../containers/container-facts.ts";
import type { UninspectableContainer } from "../containers/inspect-all.ts";
import { type Engine, ifExists, statusOf } from "../docker/engine.ts";
import { explain } from "../errors.ts";
import { readNameList } from "../settings/labels.ts";
import { digestOfImage, imageOfService, ServiceDocument } from "./service-document.ts";
import { readServiceFacts, referenceOf } from "./service-facts.ts";

const Info = z.object({
  Swarm: z
    .object({
      NodeID: z.string().nullish(),
      LocalNodeState: z.string().nullish(),
      ControlAvailable: z.boolean().nullish(),
      Error: z.string().nullish(),
    })
    .nullish(),
});
const Node = z.looseObject({ ManagerStatus: z.looseObject({ Leader: z.boolean().nullish() }).nullish() });

/** Why this Engine cannot act on services; `isWrong` where a person has to do something. */
interface NotActing {
  readonly because: string;
  readonly isWrong: boolean;
}

interface FoundServices {
  readonly services: readonly ServiceDocument[];
  /** Those whose document cannot be read; they hide no other. */
  readonly unseen: readonly UninspectableContainer[];
}

/** The services, or why this Engine does not act on them. */
export type SwarmServices = FoundServices | NotActing;

/** @throws dockerode's error where the Engine does not answer. */
export async function readServices(
  { docker }: Pick<Engine, "docker">,
  signal?: AbortSignal,
): Promise<SwarmServices> {
  const abort = signal === undefined ? {} : { abortSignal: signal };
  const because = await whyNotActing({ docker });
  if (because !== undefined) return because;
  try {
    const listed: unknown = await docker.listServices({ ...abort });
    return parseServices(z.array(z.unknown()).parse(listed));
  } catch (error) {
    return explainAbsence({ docker }, error);
  }
}

export function parseServices(listed: readonly unknown[]): FoundServices {
  const services: ServiceDocument[] = [];
  const unseen: UninspectableContainer[] = [];
  for (const document of listed) {
    const service = ServiceDocument.safeParse(document);
    if (service.success) services.push(service.data);
    else unseen.push({ name: nameOf(document), because: explainIssues(service.error) });
  }
  return { services, unseen };
}

const Named = z.object({ ID: z.string(), Spec: z.object({ Name: z.string() }).optional() });

function nameOf(document: unknown): string {
  const { ID, Spec } = Named.safeParse(document).data ?? { ID: "a service" };
  return Spec?.Name ?? ID;
}

const explainIssues = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");

/** Undefined where this Engine leads its swarm. @throws dockerode's error where the Engine does not answer. */
export async function whyNotActing({ docker }: Pick<Engine, "docker">): Promise<NotActing | undefined> {
  const { Swarm } = Info.parse(await docker.info());
  if (!["active", "locked", "pending", "error"].includes(Swarm?.LocalNodeState ?? ""))
    return { because: reasonOf(swarmReasons.noSwarm), isWrong: true };
  if (Swarm?.ControlAvailable !== true) {
    const trouble = Swarm?.Error ?? "";
    return trouble === "" || Swarm?.LocalNodeState === "active"
      ? { because: reasonOf(swarmReasons.noManager), isWrong: true }
      : { because: reasonOf(swarmReasons.noLeader, { because: trouble }), isWrong: true };
  }
  try {
    const node = Node.parse(await docker.getNode(Swarm.NodeID ?? "").inspect());
    return node.ManagerStatus?.Leader === true
      ? undefined
      : { because: reasonOf(swarmReasons.otherLeader), isWrong: false };
  } catch (error) {
    return explainAbsence({ docker }, error);
  }
}

/** Whether this Engine is in no swarm any more, or a worker of it. One that starts, or has no quorum, is neither. */
export async function hasLostRole({ docker }: Pick<Engine, "docker">): Promise<boolean> {
  const { Swarm } = Info.parse(await docker.info());
  return Swarm?.ControlAvailable !== true && ["active", "inactive"].includes(Swarm?.LocalNodeState ?? "");
}

/** So answers a swarm without a leader, and a node that was demoted just now. @throws any other error */
async function explainAbsence(engine: Pick<Engine, "docker">, error: unknown): Promise<NotActing> {
  if (!isSwarmAway(error)) throw error;
  const because = (await hasLostRole(engine))
    ? reasonOf(swarmReasons.noManager)
    : reasonOf(swarmReasons.noLeader, { because: explain(error) });
  return { because, isWrong: true };
}

/** The Engine answers, and its swarm does not: it has lost its leader, or this node is no manager. */
export const isSwarmAway = (error: unknown): boolean => (statusOf(error) ?? 0) >= 500;

/** The service that this program runs in, by the containers it may run in. */
export async function findOwnServices(
  { docker }: Pick<Engine, "docker">,
  own: readonly string[],
): Promise<readonly string[]> {
  const found = await Promise.all(own.map((id) => ifExists(docker.getContainer(id).inspect())));
  return found.flatMap((inspect) => inspect?.Config.Labels?.["com.docker.swarm.service.id"] ?? []);
}

/** A service in the terms of planning. Its image's digest stands for the id of an image. */
export function factsOfService(service: ServiceDocument, own: readonly string[]): ContainerFacts {
  const labels = service.Spec.Labels ?? {};
  const image = imageOfService(service.Spec);
  const facts = readServiceFacts(service, {
    isOwn: own.includes(service.ID) || labels["com.ouroboros.role"] !== undefined,
  });
  const hard = readNameList(labels, "com.ouroboros.hard_depends_on");
  return {
    id: service.ID,
    name: service.Spec.Name,
    reference: referenceOf(image),
    imageId: digestOfImage(image) ?? "",
    status: facts.replicas === 0 ? "scaled to 0" : "running",
    labels,
    autoRemove: false,
    dependsOn: readNameList(labels, "com.ouroboros.depends_on").filter((name) => !hard.includes(name)),
    hardDependsOn: hard,
    refersTo: [],
    service: facts,
  };
}
