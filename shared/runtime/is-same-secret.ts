// Compares secrets without telling by the time it takes how much of one was right. Pure.
import { createHash, timingSafeEqual } from "node:crypto";

export const isSameSecret = (given: string, wanted: string): boolean =>
  timingSafeEqual(createHash("sha256").update(given).digest(), createHash("sha256").update(wanted).digest());
