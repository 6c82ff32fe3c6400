// The notifications of the plain registry (distribution.github.io, "Work with notifications"), which the registry of a GitLab
// of one's own sends too. It knows its own name only as the client that pushed has called it, so that name
// does not count. Pure.
import * as z from "zod";
import { type SenderReader, pushedSomewhere } from "./pushed.ts";

const Notification = z.object({ events: z.array(z.unknown()) });
const Push = z.object({
  action: z.literal("push"),
  target: z.object({ repository: z.string(), tag: z.string() }),
});

export const readDistribution: SenderReader = (body) => {
  const { events } = Notification.safeParse(body).data ?? {};
  return events?.flatMap((event) => {
    const { target } = Push.safeParse(event).data ?? {};
    return target === undefined ? [] : pushedSomewhere(target.repository, { tag: target.tag });
  });
};
