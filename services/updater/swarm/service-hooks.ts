// Asks the hooks around the update of a service.
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { describeRemoteImage } from "../../../shared/containers/payloads-from-engine.ts";
import type { ImagePayload } from "../../../shared/contract/payloads.ts";
import { describeService } from "../../../shared/swarm/describe-service.ts";
import type { ServiceDocument } from "../../../shared/swarm/service-document.ts";
import type { Run, UpdateEntry } from "../updater.ts";

interface ServiceUpdate {
  readonly entry: UpdateEntry;
  readonly service: ServiceDocument;
  readonly from: string;
  readonly to: string;
}

const imageOf = ({ ref }: UpdateEntry, digest: string): ImagePayload =>
  describeRemoteImage(ref.familiar, ref.name, digest);

const localsOf = ({ entry, service, from, to }: ServiceUpdate) => ({
  service: describeService(service),
  old_image: imageOf(entry, from),
  new_image: imageOf(entry, to),
});

export const askBeforeServiceUpdate = (run: Run, update: ServiceUpdate): Promise<DecisionRecord> =>
  run.gate.ask({
    hook: "before_service_update",
    container: update.entry.facts.name,
    locals: localsOf(update),
    reason: run.isRollback
      ? "the operator asked to go back to the image before"
      : `a newer image of ${update.entry.facts.reference} is in its registry`,
  });

export const askAfterServiceUpdate = (run: Run, update: ServiceUpdate): Promise<DecisionRecord> =>
  run.gate.ask({
    hook: "after_service_update",
    container: update.entry.facts.name,
    locals: localsOf(update),
    reason: "the Engine has completed the update, and its tasks run with the new image",
  });

/** Dry run and monitor mode. */
export const askInsteadOfUpdate = (
  run: Run,
  { entry, service, from }: Omit<ServiceUpdate, "to">,
): Promise<DecisionRecord> =>
  run.gate.ask({
    hook: run.mode === "dry_run" ? "dry_run_update" : "notify_update",
    container: entry.facts.name,
    locals: {
      service: describeService(service),
      current_image: imageOf(entry, from),
      latest_image: entry.latest,
    },
    reason: `a newer image of ${entry.facts.reference} is in its registry`,
  });
