import assert from "node:assert/strict";
import { isToken, encodeToken, decodeToken } from "../../../shared/contract/subject-tokens.ts";

const NASTY = [
  ..."web web-01.example.com my_app a.b *.* > $JS =41 = a=b ünïcödé 容器 🐍 .hidden CON".split(" "),
  ...["a b", " ", "\t\n", "\0", "a\u0000b", "/web", "\\", '"', "'", "\u2028", "\uFEFF", "x".repeat(300)],
];

/** Reproducible: the same names in each run. */
function* names(count: number, seed = 20): Generator<string> {
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const alphabet = Array.from("abzAZ019-_.=*>/ :@%+~$ü容🐍\0\n\u200b");
  for (let n = 0; n < count; n++)
    yield Array.from({ length: 1 + next(12) }, () => alphabet[next(alphabet.length)] ?? "").join("");
}

describe("a token", () => {
  const cases: readonly [string, string, string][] = [
    ["keeps letters, digits, - and _", "web-01_A", "web-01_A"],
    ["escapes dots", "web.example", "web=2Eexample"],
    ["escapes its own escape", "a=2E", "a=3D2E"],
    ["escapes each byte of UTF-8", "ü🐍", "=C3=BC=F0=9F=90=8D"],
    ["escapes wildcards", "*>", "=2A=3E"],
  ];
  for (const [sentence, name, expected] of cases)
    it(sentence, () => assert.equal(encodeToken(name), expected));

  it("gives any name back, holds nothing a subject or key may not, and is never shared by two", () => {
    const seen = new Map<string, string>();
    for (const name of [...NASTY, ...names(5000)]) {
      const made = encodeToken(name);
      assert.match(made, /^[-=\w]+$/);
      assert.ok(isToken(made));
      assert.equal(decodeToken(made), name);
      assert.equal(seen.get(made) ?? name, name);
      seen.set(made, name);
    }
    assert.ok(seen.size > 4000);
  });

  it("has no text behind what `token` never gives", () => {
    for (const wrong of ["", "a.b", "a b", "=4", "=4g", "=c3", "=41", "=C3", "=FF", "ü", "*"]) {
      assert.throws(() => decodeToken(wrong), RangeError, wrong);
      assert.equal(isToken(wrong), false, wrong);
    }
  });

  it("is none for the empty name", () => assert.throws(() => encodeToken(""), RangeError));
});
