// Provides a private NATS where NATS_URL is not set: the nats-server of this machine, else the official image as a
// container.
import { CannotStart, explain } from "../shared/errors.ts";
import { messageOf } from "../shared/catalogue/entry.ts";
import { privateNatsErrors } from "../shared/catalogue/nats-errors.ts";
import type { ServiceContext } from "../shared/runtime/run-service.ts";
import { repairNatsStore } from "./repair-nats-store.ts";
import { startNatsContainer } from "./nats-container.ts";
import { type PrivateNats, startNatsProcess } from "./nats-process.ts";
import { requirePrograms } from "./required-programs.ts";

/** @throws CannotStart where neither is available, saying how to get one. */
export async function providePrivateNats({
  settings,
  log,
  clock,
  signal,
}: ServiceContext): Promise<PrivateNats> {
  try {
    await requirePrograms();
  } catch (missing) {
    if (!(missing instanceof CannotStart)) throw missing;
    log.info({ because: missing.message }, "no nats-server to start; running its image as a container");
    try {
      const nats = await startNatsContainer({ settings, log, clock, signal });
      await repairNatsStore(nats.access, { log, isNew: true });
      return nats;
    } catch (cause) {
      const values = { missing: missing.message, because: explain(cause) };
      throw new CannotStart(messageOf(privateNatsErrors.imageUnusable, values), { cause });
    }
  }
  return startNatsProcess({ dataDir: settings.DATA_DIR, log, clock });
}
