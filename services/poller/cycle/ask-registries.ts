// Asks the registries for a cycle's references. REPO_USER without REPO_REGISTRY: all registries are asked without
// credentials first. If exactly one refuses, REPO_USER is for that registry; the host's record keeps the choice
// before the credentials are sent for the first time.
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import { readBoundRegistry } from "../../../shared/registry/bound-registry.ts";
import { retryUpdateHostRecord } from "../host-record.ts";
import { ledgerTime } from "../ledger/ledger-time.ts";
import type { RegistryAnswer } from "../plan/plan.ts";
import type { Polling } from "../polling.ts";

export interface RegistryAnswers {
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** Which setting would let more registries answer. */
  readonly advice?: string;
}

interface AskingExtent {
  /** `refs` covers all watched images: only then is the single refusing registry known. */
  readonly coversAll: boolean;
  /** Answers younger than so many milliseconds are used again. */
  readonly recentMs?: number;
  /** Other hosts' answers younger than so many milliseconds are taken (SHARE_LOOK_UPS). */
  readonly sharedMs?: number;
  /** Whether all containers of the image run this digest. */
  readonly isCurrent?: (familiar: string, digest: string) => boolean;
}

/** @throws the NATS client's errors, and HostNameTaken. */
export async function askRegistries(
  polling: Polling,
  refs: readonly ImageRef[],
  { coversAll, recentMs = 0, sharedMs = 0, isCurrent = () => false }: AskingExtent,
): Promise<RegistryAnswers> {
  const { registries, settings, hosts, host, signal, log } = polling;
  const { REPO_USER, REPO_REGISTRY } = settings;
  const bound = await readBoundRegistry(hosts, host.name, settings);
  registries.bindTo(bound);
  const recent = registries.recent.get(refs, recentMs);
  const refsToAsk = refs.filter(({ familiar }) => !recent.has(familiar));
  const now = await ledgerTime(polling);
  const found = await polling.looks.digestsOf(refsToAsk, { now, freshMs: sharedMs, isCurrent, signal });
  const answers = new Map([...recent, ...found]);
  const refusing = refs.filter(({ familiar }) => isLoginWanted(answers.get(familiar)));
  const [only, ...others] = [...new Set(refusing.map(({ registry }) => registry))].sort();
  if (REPO_USER === "" || REPO_REGISTRY !== "" || only === undefined) return { answers };
  if (bound !== undefined || others.length > 0 || !coversAll)
    return { answers, advice: adviceFor([only, ...others], bound) };
  await retryUpdateHostRecord(polling, "waiting for NATS to note which registry REPO_USER is for", () => ({
    credentials_bound: { registry: only, user: REPO_USER },
  }));
  log.info({ registry: only }, "REPO_USER is used for the one registry that needs a login");
  registries.bindTo(only);
  const withLogin = await registries.digestsOf(refusing, signal);
  return { answers: new Map([...answers, ...withLogin]) };
}

const isLoginWanted = (answer: RegistryAnswer | undefined): boolean =>
  answer?.kind === "unknown" && answer.wantsLogin === true;

function adviceFor(registries: readonly string[], bound: string | undefined): string {
  const names = registries.join(", ");
  const bindingNote = bound === undefined ? "" : `REPO_USER is for ${bound}. `;
  return (
    `${bindingNote}${names} refuse${registries.length === 1 ? "s" : ""} to be asked without a login: ` +
    "set REPO_REGISTRY to the registry that REPO_USER is for, and `docker login` at any other"
  );
}
