// Makes file names from container names, which may be longer than a file name may be.
import { createHash } from "node:crypto";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";

const MAX_LENGTH = 150;

/** The same container always gets the same name, and no two containers share one. */
export function containerFileName(container: string): string {
  const name = encodeToken(container);
  if (name.length <= MAX_LENGTH) return name;
  return `${name.slice(0, MAX_LENGTH - 65)}-${createHash("sha256").update(name).digest("hex")}`;
}
