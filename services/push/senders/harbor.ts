// "Artifact pushed" of a Harbor webhook, in the format "Default" or "CloudEvents" (goharbor.io, "Configure Webhook
// Notifications"). Other events of Harbor push nothing. Pure.
import * as z from "zod";
import { type SenderReader, pushedTag } from "./pushed.ts";

const EventData = z.object({
  resources: z.array(z.object({ tag: z.string().nullish(), resource_url: z.string().nullish() })).nullish(),
  repository: z.object({ repo_full_name: z.string() }).nullish(),
});
const Notification = z
  .object({ type: z.string(), event_data: EventData })
  .or(
    z
      .object({ type: z.string().startsWith("harbor."), data: EventData })
      .transform(({ type, data }) => ({ type, event_data: data })),
  );

const PUSHES = new Set(["PUSH_ARTIFACT", "pushImage", "harbor.artifact.pushed"]);

export const readHarbor: SenderReader = (body) => {
  const { type, event_data } = Notification.safeParse(body).data ?? {};
  if (type === undefined) return undefined;
  if (!PUSHES.has(type)) return [];
  return (event_data?.resources ?? []).flatMap(({ tag, resource_url: url }) =>
    pushedTag((url ?? "").replace(/[:@][^/]*$/, ""), tag ?? ""),
  );
};
