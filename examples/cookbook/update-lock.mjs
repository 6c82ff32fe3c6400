// Puts an update off while the application holds its lock: a file that it makes before work which nobody should
// interrupt, and removes after it. The container's label names the file, below a volume that is mounted both into the
// application and, at LOCKS_DIR, into the hook-executor. Name LOCKS_DIR in HOOK_ENV.
//
//     docker run -v locks:/locks --label com.example.update-lock=shop/checkout.lock …
//     mkdir -p /locks/shop && touch /locks/shop/checkout.lock && ./close-the-books; rm /locks/shop/checkout.lock
import { stat } from "node:fs/promises";
import { join } from "node:path";

const { LOCKS_DIR = "/locks", LOCK_LOOK_AGAIN_S = "60" } = process.env;
const LABEL = "com.example.update-lock";

export default async ({ data }) => {
  const file = data.old_container.labels[LABEL];
  if (file === undefined) return;
  const later = (reason) => ({ verdict: "defer", reason, retry_after_s: Number(LOCK_LOOK_AGAIN_S) });
  if (["", "(hidden)"].includes(file) || file.split("/").includes(".."))
    return later(`${LABEL}: "${file}" names no file`);
  try {
    await stat(LOCKS_DIR); // not mounted: nobody knows
  } catch (error) {
    return later(`LOCKS_DIR cannot be read: ${error.message}`);
  }
  try {
    const { mtime } = await stat(join(LOCKS_DIR, file));
    return later(`the application holds ${file} since ${mtime.toISOString().slice(0, 19)}Z`);
  } catch (error) {
    if (error.code !== "ENOENT") return later(`whether ${file} is held is not known: ${error.message}`);
  }
};
