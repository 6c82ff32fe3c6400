// A cycle's questions to the registries. Where REPO_USER is set without REPO_REGISTRY, all are asked without it first, and
// where exactly one registry refuses that, REPO_USER is for it: the host's entry keeps it before it is sent there once.
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import { readBoundRegistry } from "../../shared/registry/bound-registry.ts";
import { retryUpdateHostRecord } from "./host-record.ts";
import type { RegistryAnswer } from "./plan.ts";
import type { Polling } from "./polling.ts";

export interface RegistryAnswers {
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** What to set so that more can be asked. */
  readonly advice?: string;
}

interface AskingExtent {
  /** All watched images: only then the one registry can be told. */
  readonly isWhole: boolean;
  /** What was said less than so many milliseconds ago is not asked again. */
  readonly recentMs?: number;
}

/** @throws what NATS throws, and HostNameTaken. */
export async function askRegistries(
  polling: Polling,
  refs: readonly ImageRef[],
  { isWhole, recentMs = 0 }: AskingExtent,
): Promise<RegistryAnswers> {
  const { registries, settings, hosts, host, signal, log } = polling;
  const { REPO_USER, REPO_REGISTRY } = settings;
  const bound = await readBoundRegistry(hosts, host.name, settings);
  registries.bindTo(bound);
  const recent = registries.recent.get(refs, recentMs);
  const asked = refs.filter(({ familiar }) => !recent.has(familiar));
  const answers = new Map([...recent, ...(await registries.digestsOf(asked, signal))]);
  const refusing = refs.filter(({ familiar }) => isLoginWanted(answers.get(familiar)));
  const [only, ...others] = [...new Set(refusing.map(({ registry }) => registry))].sort();
  if (REPO_USER === "" || REPO_REGISTRY !== "" || only === undefined) return { answers };
  if (bound !== undefined || others.length > 0 || !isWhole)
    return { answers, advice: adviceFor([only, ...others], bound) };
  await retryUpdateHostRecord(polling, "waiting for NATS to note which registry REPO_USER is for", () => ({
    credentials_bound: { registry: only, user: REPO_USER },
  }));
  log.info({ registry: only }, "REPO_USER is for the one registry that refuses to be asked without");
  registries.bindTo(only);
  const again = await registries.digestsOf(refusing, signal);
  return { answers: new Map([...answers, ...again]) };
}

const isLoginWanted = (answer: RegistryAnswer | undefined): boolean =>
  answer?.kind === "unknown" && answer.wantsLogin === true;

function adviceFor(registries: readonly string[], bound: string | undefined): string {
  const names = registries.join(", ");
  const other = bound === undefined ? "" : `REPO_USER is for ${bound}. `;
  return (
    `${other}${names} refuse${registries.length === 1 ? "s" : ""} to be asked without a login: ` +
    "set REPO_REGISTRY to the registry that REPO_USER is for, and `docker login` at any other"
  );
}
