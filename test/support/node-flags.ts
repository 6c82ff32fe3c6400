// How the image and `npm start` run Node: tests and benches run services so.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./checkout.ts";

export const read = (file: string): string => readFileSync(join(checkout, file), "utf8");

/** Of a command line that runs `node`. */
export const flagsIn = (line: string): string[] =>
  /\bnode((?: --\S+)+) /
    .exec(line)?.[1]
    ?.split(" ")
    .filter((flag) => flag !== "") ?? [];

const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: { readonly start: string } };

export const nodeFlags: readonly string[] = flagsIn(scripts.start);
