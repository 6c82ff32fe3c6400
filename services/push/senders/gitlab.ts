// Pipeline events of a GitLab webhook (docs.gitlab.com, "Webhook events"). GitLab has no webhook for its container registry, so a
// pipeline that has succeeded stands for a push to whatever repositories the project has there. The registry of a
// GitLab of one's own can send the notifications of the plain registry instead (distribution.ts). Pure.
import * as z from "zod";
import { type SenderReader, pushedSomewhere } from "./pushed.ts";

const Notification = z.object({
  object_kind: z.string(),
  object_attributes: z.object({ status: z.string().nullish() }).nullish(),
  project: z.object({ path_with_namespace: z.string() }),
});

export const readGitlab: SenderReader = (body) => {
  const { object_kind, object_attributes, project } = Notification.safeParse(body).data ?? {};
  if (project === undefined) return undefined;
  if (object_kind !== "pipeline" || object_attributes?.status !== "success") return [];
  return pushedSomewhere(project.path_with_namespace, { tag: null, below: true });
};
