// Each reason why a container is not updated says what to do, however it reaches the commands: alone, or with its remedy.
import assert from "node:assert/strict";
import { type MessageEntry, messageOf, reasonOf, remedyOf } from "../../shared/catalogue/entry.ts";
import { serviceReasons } from "../../shared/catalogue/swarm-reasons.ts";
import { findRemedy } from "../../shared/catalogue/reason-remedy.ts";
import { catalogueSections } from "../docs/errors-page.ts";

const TITLES = ["A container is not updated", "A registry gives no answer"];
const entries = [
  ...catalogueSections
    .filter(({ title }) => TITLES.includes(title))
    .flatMap(({ catalogues }) => Object.values(catalogues)),
  serviceReasons,
].flatMap((catalogue): [string, MessageEntry][] => Object.entries(catalogue));

const VALUES: Readonly<Record<string, string>> = {
  ...{ because: "connect ECONNREFUSED 10.0.0.1:443", image: "app/web:1", registry: "registry.lab:5000" },
  ...{ server: "auth.lab", why: " (auth.lab answered 503)", status: "503", container: "web", name: "web" },
};
const valuesOf = ({ says, remedy }: MessageEntry) =>
  Object.fromEntries(
    [...`${says}${remedy}`.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [
      name,
      VALUES[name] ?? `the-${name}`,
    ]),
  );

describe("what to do about a container that is not updated", () => {
  it("is known for each reason", () => assert.ok(entries.length > 50));

  for (const [name, entry] of entries)
    it(`follows from its reason: ${name}`, () => {
      const values = valuesOf(entry);
      const because = reasonOf(entry, values);
      const expected = { because, remedy: remedyOf(entry, values) };
      assert.deepEqual(findRemedy(because, { container: "web", name: "web" }), expected);
      assert.deepEqual(findRemedy(messageOf(entry, values), { container: "web", name: "web" }), expected);
    });

  it("is unknown for a reason that no catalogue has", () =>
    assert.equal(findRemedy("the moon is full"), undefined));
});
