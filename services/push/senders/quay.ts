// "Push to Repository" of a Quay notification (docs.quay.io, "Repository notifications"). Earlier versions list the tags as
// the names of an object. Pure.
import * as z from "zod";
import { type SenderReader, pushedTag } from "./pushed.ts";

const Notification = z.object({
  docker_url: z.string(),
  updated_tags: z
    .array(z.string())
    .or(z.record(z.string(), z.unknown()).transform((tags) => Object.keys(tags)))
    .optional(),
});

export const readQuay: SenderReader = (body) => {
  const { docker_url: name, updated_tags: tags = [] } = Notification.safeParse(body).data ?? {};
  if (name === undefined) return undefined;
  return tags.flatMap((tag) => pushedTag(name, tag));
};
