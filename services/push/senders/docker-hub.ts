// A webhook of a repository at Docker Hub (docs.docker.com/docker-hub/repos/manage/webhooks). Pure.
import * as z from "zod";
import { type SenderReader, pushedTag } from "./pushed.ts";

const Notification = z.object({
  push_data: z.object({ tag: z.string() }),
  repository: z.object({ repo_name: z.string() }),
});

export const readDockerHub: SenderReader = (body) => {
  const { push_data, repository } = Notification.safeParse(body).data ?? {};
  if (push_data === undefined || repository === undefined) return undefined;
  return pushedTag(`docker.io/${repository.repo_name}`, push_data.tag);
};
