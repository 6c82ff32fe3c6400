// The events `package` and `registry_package` of a GitHub webhook (docs.github.com, "Webhook events and payloads"), and the
// `ping` by which GitHub tries a new webhook. Pure.
import * as z from "zod";
import { type SenderReader, pushedTag } from "./pushed.ts";

const Package = z.object({
  name: z.string(),
  namespace: z.string().nullish(),
  package_type: z.string(),
  owner: z.object({ login: z.string() }).nullish(),
  package_version: z
    .object({
      /** `ghcr.io/acme/shop:2`; a server of one's own has another registry there. */
      package_url: z.string().nullish(),
      container_metadata: z.object({ tag: z.object({ name: z.string().nullish() }).nullish() }).nullish(),
    })
    .nullish(),
});
const Notification = z
  .object({ action: z.string(), package: Package })
  .or(
    z
      .object({ action: z.string(), registry_package: Package })
      .transform(({ action, registry_package }) => ({ action, package: registry_package })),
  );
const Ping = z.object({ zen: z.string(), hook_id: z.number() });

const IMAGES = new Set(["container", "docker"]);

export const readGithub: SenderReader = (body) => {
  if (Ping.safeParse(body).success) return [];
  const { action, package: pushed } = Notification.safeParse(body).data ?? {};
  if (pushed === undefined) return undefined;
  if (!IMAGES.has(pushed.package_type.toLowerCase()) || !["published", "updated"].includes(action ?? ""))
    return [];
  const { package_url: url, container_metadata: metadata } = pushed.package_version ?? {};
  const owner = pushed.namespace ?? pushed.owner?.login ?? "";
  const name = url?.replace(/[:@][^/]*$/, "") ?? "";
  return pushedTag(name === "" ? `ghcr.io/${owner}/${pushed.name}` : name, metadata?.tag?.name ?? "");
};
