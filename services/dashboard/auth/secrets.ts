// Random ids, fingerprints and signatures.
import { createHash, createHmac, randomBytes } from "node:crypto";

export const randomId = (): string => randomBytes(32).toString("base64url");

export const fingerprint = (secret: string): string => createHash("sha256").update(secret).digest("hex");

export const sign = (key: string, text: string): string =>
  createHmac("sha256", key).update(text).digest("base64url");
