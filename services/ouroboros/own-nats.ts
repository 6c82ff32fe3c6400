// A NATS for who runs Ouroboros without one: a nats-server of this machine, else the official image as a container.
import { CannotStart, explain } from "../../shared/errors.ts";
import type { Context } from "../../shared/run-service.ts";
import { mendNats } from "./mend-nats.ts";
import { startNatsContainer } from "./nats-container.ts";
import { type PrivateNats, startPrivateNats } from "./private-nats.ts";
import { requirePrograms } from "./programs.ts";

/** @throws CannotStart where neither can be had, saying how to get one. */
export async function startOwnNats({ settings, log, clock, signal }: Context): Promise<PrivateNats> {
  try {
    await requirePrograms();
  } catch (missing) {
    if (!(missing instanceof CannotStart)) throw missing;
    log.info({ because: missing.message }, "no nats-server to start; running its image as a container");
    try {
      const nats = await startNatsContainer({ settings, log, clock, signal });
      await mendNats(nats.access, { log, isNew: true });
      return nats;
    } catch (cause) {
      throw new CannotStart(`${missing.message}; its image was not to be had either: ${explain(cause)}`, {
        cause,
      });
    }
  }
  return startPrivateNats({ dataDir: settings.DATA_DIR, log, clock });
}
