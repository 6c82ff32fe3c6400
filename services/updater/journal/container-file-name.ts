// Names of containers as names of files: those of containers may be longer than files' may be.
import { createHash } from "node:crypto";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";

const LONGEST = 150;

/** The same for the same container; no two containers share one. */
export function containerFileName(container: string): string {
  const name = encodeToken(container);
  if (name.length <= LONGEST) return name;
  return `${name.slice(0, LONGEST - 65)}-${createHash("sha256").update(name).digest("hex")}`;
}
