// The version of this program. package.json is three folders above, in a checkout, in dist/ and in the image.
import { readFileSync } from "node:fs";
import * as z from "zod";

export const OWN_VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"))).version;
