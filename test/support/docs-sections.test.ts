import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { withSection } from "./docs-sections.ts";

describe("the printed tables of docs/reliability.md", () => {
  const page = "# Page\n\n<!-- faults -->\nold\n<!-- /faults -->\n\nend\n";
  it("take the place of what was between their marks", () =>
    assert.equal(
      withSection(page, "faults", "new\n"),
      "# Page\n\n<!-- faults -->\n\nnew\n\n<!-- /faults -->\n\nend\n",
    ));
  it("are refused where the page has no marks for them", () =>
    assert.throws(() => withSection(page, "killed", "new"), /no place for the table "killed"/));
});
