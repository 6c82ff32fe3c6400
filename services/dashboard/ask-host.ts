// What a host's poller and updater say of themselves and of a container.
import type { NatsConnection } from "nats";
import * as z from "zod";
import { inParallel } from "../../shared/in-parallel.ts";
import { askService } from "../../shared/nats/ask-service.ts";

const Polled = z.object({ container: z.string(), image: z.string(), because: z.string() });
const PollerReport = z.object({
  last: z
    .object({
      ended_at: z.string(),
      outcome: z.object({ kind: z.string(), because: z.string().optional() }),
      left: z.array(Polled).default([]),
      due: z.array(Polled).default([]),
      unseen: z.array(z.object({ name: z.string(), because: z.string() })).default([]),
    })
    .nullable(),
});

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
  const { last } = PollerReport.safeParse(reply).data ?? { last: null };
  const found = [...(last?.left ?? []), ...(last?.due ?? [])].find(
    (polled) => polled.container === container,
  );
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

const UpdaterReport = z.object({ state: z.enum(["idle", "busy"]), trouble: z.array(z.string()).default([]) });
const LIFE_MS = 2000;
const HOSTS_AT_A_TIME = 32;

export const findLife = (nats: NatsConnection, hosts: readonly string[]): Promise<HostLife[]> =>
  inParallel(hosts, { all: HOSTS_AT_A_TIME }, async (host) => {
    const [poller, updater] = await Promise.all(
      (["poller", "updater"] as const).map((service) =>
        askService({ nats }, host, [service, "status"], { timeout: LIFE_MS }),
      ),
    );
    const report = UpdaterReport.safeParse(updater).data;
    return {
      host,
      poller: poller !== undefined,
      updater: report?.state ?? "away",
      trouble: report?.trouble ?? [],
    };
  });
