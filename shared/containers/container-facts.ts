// The facts about a container that planning needs, taken from its inspect document, and the reasons to leave a
// container alone whatever the registry says. Pure. The poller plans with them; the updater, which trusts no plan,
// checks them again.
import type { ContainerInspectInfo } from "dockerode";
import { messageOf, reasonOf } from "../catalogue/entry.ts";
import { skipReasons } from "../catalogue/skip-reasons.ts";
import { readCheckLabel } from "./check-label.ts";
import { type ImageLabels, selectEffectiveLabels } from "./effective-labels.ts";
import { parseSwapName } from "./swap-names.ts";
import { parseImageRef } from "../registry/image-ref.ts";
import { readNameList } from "../settings/labels.ts";
import { SAME_TAG } from "../settings/tag-policy.ts";
import { tagPolicyOf } from "./tag-policy-of.ts";
import { type ServiceFacts, whyServiceSkipped } from "../swarm/service-facts.ts";
import { type SelfUpdatePolicy, ROLE_LABEL, isOwnPart, whyNoSelfUpdate } from "./self-update-policy.ts";

export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly reference: string;
  readonly imageId: string;
  readonly status: string;
  /** The effective labels (effective-labels.ts). */
  readonly labels: Readonly<Record<string, string>>;
  /** Names of labels from its image that do not count. */
  readonly ignored?: readonly string[];
  readonly autoRemove: boolean;
  readonly dependsOn: readonly string[];
  readonly hardDependsOn: readonly string[];
  /** Containers whose network, pid or ipc namespace it shares, or that it links to: ids or names. */
  readonly refersTo: readonly string[];
  /** What only a swarm service has. Planning treats it as a container whose image id is the digest in its spec. */
  readonly service?: ServiceFacts;
}

/** `image` holds the labels of the image that the container runs. */
export function factsOf(inspect: ContainerInspectInfo, image: ImageLabels = {}): ContainerFacts {
  const { HostConfig: host, Config: config } = inspect;
  const { labels, ignored } = selectEffectiveLabels(config.Labels, image);
  const hard = readNameList(labels, "com.ouroboros.hard_depends_on");
  const shared = [host.NetworkMode, host.PidMode, host.IpcMode]
    .filter((mode): mode is string => mode?.startsWith("container:") ?? false)
    .map((mode) => mode.slice("container:".length));
  const links = ((host.Links as string[] | null | undefined) ?? []).map((link) =>
    (link.split(":")[0] ?? "").replace(/^\//, ""),
  );
  return {
    id: inspect.Id,
    name: inspect.Name.replace(/^\//, ""),
    reference: config.Image,
    imageId: inspect.Image,
    status: inspect.State.Status,
    labels,
    ...(ignored.length > 0 && { ignored }),
    autoRemove: host.AutoRemove ?? false,
    dependsOn: readNameList(labels, "com.ouroboros.depends_on").filter((name) => !hard.includes(name)),
    hardDependsOn: hard,
    refersTo: [...shared, ...links],
  };
}

/** A container in a crash loop counts as up: it runs now and then, and a new image may be the fix. */
export const isUp = ({ status }: Pick<ContainerFacts, "status">): boolean =>
  ["running", "restarting"].includes(status);

/** Whether a name or an id, in full or shortened to at least 12 characters, refers to this container. */
export const hasNameOrId = (facts: ContainerFacts, nameOrId: string): boolean =>
  facts.name === nameOrId || (nameOrId.length >= 12 && facts.id.startsWith(nameOrId));

/** Why this container, as it is, must not be updated; undefined where nothing prevents it. */
export function whySkipped(
  facts: ContainerFacts,
  all: readonly ContainerFacts[],
  ourselves: SelfUpdatePolicy = { own: [], update: false },
): string | undefined {
  if (facts.service !== undefined) return whyServiceSkipped(facts.service, facts.name);
  const { labels } = facts;
  if (facts.status === "paused") return reasonOf(skipReasons.paused);
  if (!isUp(facts)) return reasonOf(skipReasons.notRunning);
  const swapped = parseSwapName(facts.name);
  if (swapped !== undefined) return messageOf(skipReasons.updateNotOver, { name: swapped.name });
  const ours = whyNoSelfUpdate(facts, ourselves);
  if (ours !== undefined) return ours;
  if (facts.ignored?.includes(ROLE_LABEL) === true && !isOwnPart(facts, ourselves))
    return messageOf(skipReasons.ownImageSaysSo);
  if ("com.docker.swarm.task.id" in labels) return reasonOf(skipReasons.swarm);
  if ("io.kubernetes.pod.uid" in labels) return reasonOf(skipReasons.kubernetes);
  if (/^true$/i.test(labels["com.docker.compose.oneoff"] ?? "")) return reasonOf(skipReasons.oneOff);
  if (facts.autoRemove) return reasonOf(skipReasons.autoRemoved);
  const tagless = whyNoTagToFollow(facts);
  if (tagless !== undefined) return tagless;
  const check = readCheckLabel(labels);
  return check.kind === "wrong" ? check.because : whyEntangled(facts, all, ourselves);
}

function whyNoTagToFollow(facts: ContainerFacts): string | undefined {
  const ref = parseImageRef(facts.reference);
  if (ref === undefined) return reasonOf(skipReasons.noTag);
  if (ref.digest !== undefined) return reasonOf(skipReasons.pinned);
  return tagPolicyOf(facts, { TAG_POLICY: SAME_TAG }) === undefined
    ? messageOf(skipReasons.tagPolicyLabel, { text: facts.labels["com.ouroboros.tag_policy"] ?? "" })
    : undefined;
}

/** Its dependants are recreated with it and its dependencies stopped. Where that is impossible, it is left alone. */
function whyEntangled(
  facts: ContainerFacts,
  all: readonly ContainerFacts[],
  ourselves: SelfUpdatePolicy,
): string | undefined {
  const named = [...facts.dependsOn, ...facts.hardDependsOn];
  const part = all.find(
    (other) => isOwnPart(other, ourselves) && named.some((name) => hasNameOrId(other, name)),
  );
  if (part !== undefined) return reasonOf(skipReasons.dependencyOurs, { name: part.name });
  for (const other of collectDependants(facts, all)) {
    if (other.autoRemove) return reasonOf(skipReasons.dependantAutoRemoved, { name: other.name });
    if (isOwnPart(other, ourselves)) return reasonOf(skipReasons.dependantOurs, { name: other.name });
  }
  return undefined;
}

/** All containers that share its network, pid or ipc namespace, or link to it, directly or through one another. */
export function collectDependants(facts: ContainerFacts, all: readonly ContainerFacts[]): ContainerFacts[] {
  const found: ContainerFacts[] = [];
  const parents = [facts];
  for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
    const target = parent;
    const dependants = all.filter(
      (other) =>
        other !== facts && !found.includes(other) && other.refersTo.some((name) => hasNameOrId(target, name)),
    );
    found.push(...dependants);
    parents.push(...dependants);
  }
  return found;
}
