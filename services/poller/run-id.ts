// Ids of runs: unique, and in the order of their making. A ULID (github.com/ulid/spec) in lower case.
import { randomBytes } from "node:crypto";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** 26 characters: ten of the time (milliseconds since 1970), sixteen of chance. */
export function newRunId(now: number, chance: Uint8Array = randomBytes(16)): string {
  let time = "";
  for (let rest = Math.floor(now), n = 0; n < 10; n++, rest = Math.floor(rest / 32))
    time = `${DIGITS[rest % 32] ?? ""}${time}`;
  return time + [...chance.subarray(0, 16)].map((byte) => DIGITS[byte % 32] ?? "").join("");
}
