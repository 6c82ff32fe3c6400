// Puts an update off until a person has approved it: by a file named like the container and the new image's digest, in
// the folder `approvals` beside the hooks. Nothing is held down meanwhile, and a newer image has to be approved anew.
//
//     touch hooks/approvals/web@c4d1c0ffeec7
import { existsSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../approvals");
const LOOK_AGAIN_S = Number(process.env.APPROVAL_LOOK_AGAIN_S ?? 300);

export default ({ data }) => {
  const updates = [...data.updateable, ...(data.updateable_services ?? [])];
  const files = updates.map(({ container, service, latest_image }) => {
    const { name } = container ?? service;
    return [name, `${name}@${latest_image.short_id.replace("sha256:", "")}`];
  });
  const waiting = files.filter(([, file]) => !existsSync(join(FOLDER, file)));
  const put = (file) => ({
    verdict: "defer",
    reason: `waits for approvals/${file}`,
    retry_after_s: LOOK_AGAIN_S,
  });
  return {
    verdict: "proceed",
    containers: Object.fromEntries(waiting.map(([name, file]) => [name, put(file)])),
  };
};
