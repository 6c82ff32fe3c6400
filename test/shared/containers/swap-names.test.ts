import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  backupName,
  isSwapName,
  keptName,
  parseSwapName,
  successorName,
  userGivenName,
} from "../../../shared/containers/swap-names.ts";

describe("a swap's names", () => {
  for (const name of ["web", "a.b-c_d", "x.ouroboros-old-1"]) {
    it(`tell the user's name and the run: ${name}`, () => {
      assert.deepEqual(parseSwapName(successorName(name, "01r")), { name, run: "01r", part: "successor" });
      assert.deepEqual(parseSwapName(backupName(name, "01r")), { name, run: "01r", part: "backup" });
      assert.equal(userGivenName(backupName(name, "01r")), name);
    });
    it(`tell the successor of what is moved aside: ${name}`, () => {
      const successor = "0123456789ab";
      const backup = backupName(name, "01r", `${successor}cdef`);
      assert.deepEqual(parseSwapName(backup), { name, run: "01r", part: "backup", successor });
      assert.equal(userGivenName(backup), name);
    });
  }
  for (const other of ["web", "web.ouroboros-new", "ouroboros-old-1", "web.ouroboros-new-UPPER"]) {
    it(`are not seen in ${other}`, () => assert.equal(parseSwapName(other), undefined));
  }
  it("are known too where a container is kept after its swap", () => {
    const kept = keptName("web", "01r");
    assert.deepEqual([parseSwapName(kept), isSwapName(kept)], [undefined, true]);
    assert.equal(isSwapName("web"), false);
  });
});
