// The event `package` of a webhook of Gitea or Forgejo (docs.gitea.com, "Webhooks"). The registry of its images is the server
// itself, whose address is in the package's. Pure.
import * as z from "zod";
import { type SenderReader, pushedTag } from "./pushed.ts";

const Notification = z.object({
  action: z.string(),
  package: z.object({
    type: z.string(),
    name: z.string(),
    version: z.string(),
    html_url: z.string(),
    owner: z.object({ login: z.string() }),
  }),
});

export const readGitea: SenderReader = (body) => {
  const { action, package: pushed } = Notification.safeParse(body).data ?? {};
  if (pushed === undefined) return undefined;
  const { type, name, version, html_url: url, owner } = pushed;
  if (type !== "container" || action !== "created" || !URL.canParse(url)) return [];
  return pushedTag(`${new URL(url).host}/${owner.login}/${name}`, version);
};
