// Ids of runs: unique, and they sort by creation time. A ULID (github.com/ulid/spec) in lower case.
import { randomBytes } from "node:crypto";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** 26 characters: ten for the time (milliseconds since 1970), sixteen random ones. */
export function newRunId(now: number, random: Uint8Array = randomBytes(16)): string {
  let time = "";
  for (let remaining = Math.floor(now), n = 0; n < 10; n++, remaining = Math.floor(remaining / 32))
    time = `${DIGITS[remaining % 32] ?? ""}${time}`;
  return time + [...random.subarray(0, 16)].map((byte) => DIGITS[byte % 32] ?? "").join("");
}
