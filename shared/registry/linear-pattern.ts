// Regular expressions that people write and strangers' text is matched against. RE2 matches in time linear in the text,
// whatever the pattern, so none can hang the process; what would need more (look-around, references to groups, large
// counts) is no pattern for it. Loaded only where a pattern is used: it takes 7 MB of memory. Pure.
import { createRequire } from "node:module";
import type { RE2JS } from "re2js";

const require = createRequire(import.meta.url);

const compile = (pattern: string): RE2JS =>
  (require("re2js") as { readonly RE2JS: typeof RE2JS }).RE2JS.compile(pattern);

export function isPattern(pattern: string): boolean {
  try {
    compile(pattern);
    return true;
  } catch {
    return false;
  }
}

/** Whether a text matches the pattern as a whole. @throws where the pattern is none */
export function patternMatcher(pattern: string): (text: string) => boolean {
  const compiled = compile(pattern);
  return (text) => compiled.matches(text);
}
