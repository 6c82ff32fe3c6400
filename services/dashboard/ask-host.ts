// What a host's poller and updater say of themselves and of a container.
import type { NatsConnection } from "nats";
import { PollerStatus, UpdaterStatus, findPolledContainer } from "../../shared/contract/service-status.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { askService } from "../../shared/nats/ask-service.ts";

const STATUS_MS = 5000;

export interface PolledReason {
  /** What the last poll decided, and why; null where it says nothing of the container. */
  readonly because: string | null;
  readonly polled_at: string | null;
}

/** The words of `ouroboros explain`, from the last poll. Undefined where the poller does not answer. */
export async function explainContainer(
  nats: NatsConnection,
  host: string,
  container: string,
): Promise<PolledReason | undefined> {
  const reply = await askService({ nats }, host, ["poller", "status"], { timeout: STATUS_MS });
  if (reply === undefined) return undefined;
  const status = PollerStatus.safeParse(reply).data ?? { last: null };
  const { last } = status;
  const found = findPolledContainer(status, container);
  const unseen = last?.unseen.find(({ name }) => name === container);
  return {
    because: found?.because ?? unseen?.because ?? last?.outcome.because ?? null,
    polled_at: last?.ended_at ?? null,
  };
}

export interface HostLife {
  readonly host: string;
  readonly poller: boolean;
  readonly updater: "idle" | "busy" | "away";
  readonly trouble: readonly string[];
}

const LIFE_MS = 2000;
const HOSTS_AT_A_TIME = 32;

export const findLife = (nats: NatsConnection, hosts: readonly string[]): Promise<HostLife[]> =>
  inParallel(hosts, { all: HOSTS_AT_A_TIME }, async (host) => {
    const [poller, updater] = await Promise.all(
      (["poller", "updater"] as const).map((service) =>
        askService({ nats }, host, [service, "status"], { timeout: LIFE_MS }),
      ),
    );
    const report = UpdaterStatus.safeParse(updater).data;
    return {
      host,
      poller: poller !== undefined,
      updater: report?.state ?? "away",
      trouble: report?.trouble ?? [],
    };
  });
