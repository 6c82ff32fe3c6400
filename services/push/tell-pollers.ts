// Tells the pollers of all hosts which images were pushed. Each knows itself what its host runs, asks the registry, and takes
// no more hints than it can bear; so an answer is not awaited, and what a poller misses its next cycle finds.
import type { Collector } from "../../shared/collector.ts";
import { makeCommandBody } from "../../shared/contract/messages.ts";
import { MAX_HINTED, type PushedImage, nameOf } from "../../shared/contract/pushed-image.ts";
import { BUCKETS, subjects } from "../../shared/contract/subjects.ts";
import { explain } from "../../shared/errors.ts";
import { entriesOf } from "../../shared/nats/bucket-entries.ts";
import { retry } from "../../shared/retry.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";

const RETRY_MS = 2000;
const FOREVER_MS = 2 ** 31 - 1;

/** Resolves when the signal aborts. */
export async function tellPollers(observing: Observing, collector: Collector<PushedImage>): Promise<void> {
  const { clock, signal, nats, log } = observing;
  while (!signal.aborted) {
    await clock.sleep(FOREVER_MS, AbortSignal.any([signal, collector.due]));
    const images = [...collector.take().values()];
    if (images.length === 0) continue;
    const hosts = await findHosts(observing);
    if (hosts === undefined) return;
    for (let n = 0; n < images.length; n += MAX_HINTED)
      for (const host of hosts)
        nats.publish(
          subjects.command(host, "poller", "hint"),
          makeCommandBody("hint", { images: images.slice(n, n + MAX_HINTED) }),
        );
    for (const image of images)
      log.info(
        { image: nameOf(image), hosts: hosts.length },
        "image was pushed, says its registry; the hosts look",
      );
  }
}

/** Undefined where the signal aborts before NATS answers. */
function findHosts({ manager, clock, signal, log }: Observing): Promise<readonly string[] | undefined> {
  const onFailure = (error: unknown, attempts: number): void => {
    if (attempts === 1)
      log.info({ because: explain(error) }, "NATS does not say which hosts there are; waiting");
  };
  const attempt = async (): Promise<readonly string[]> => {
    const hosts: string[] = [];
    for await (const [[host = ""], text] of entriesOf(manager, BUCKETS.hosts))
      if (text !== "") hosts.push(host);
    return hosts;
  };
  return retry(attempt, { clock, signal, intervalMs: RETRY_MS, onFailure });
}
