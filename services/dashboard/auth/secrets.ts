// Random ids, and comparing secrets without telling by the time it takes how much of one was right.
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export const randomId = (): string => randomBytes(32).toString("base64url");

export const fingerprint = (secret: string): string => createHash("sha256").update(secret).digest("hex");

export const isSameSecret = (given: string, wanted: string): boolean =>
  timingSafeEqual(createHash("sha256").update(given).digest(), createHash("sha256").update(wanted).digest());

export const sign = (key: string, text: string): string =>
  createHmac("sha256", key).update(text).digest("base64url");
