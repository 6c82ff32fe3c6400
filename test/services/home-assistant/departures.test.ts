import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Departures } from "../../../services/home-assistant/departures.ts";
import { type HostState, newHostState } from "../../../services/home-assistant/host-state.ts";

const withContainers = (...names: readonly string[]): HostState =>
  newHostState(Object.fromEntries(names.map((name) => [name, { image: name, installed: {} }])));
const none = withContainers();

function remembered(departures: Departures, state: HostState | undefined): string | undefined {
  const containers = departures.remembered("h1", state);
  return containers && [...containers.keys()].toSorted().join();
}

describe("a container that is gone", () => {
  it("is remembered until the broker has removed it", () => {
    const departures = new Departures();
    assert.deepEqual(departures.note("h1", withContainers("web", "db"), withContainers("db")), ["web"]);
    assert.equal(remembered(departures, withContainers("db")), "db,web");
    assert.equal(departures.end("h1", "web"), true);
    assert.equal(remembered(departures, withContainers("db")), "db");
  });

  it("is remembered with its host forgotten, and then nothing is", () => {
    const departures = new Departures();
    departures.note("h1", withContainers("constructor", "web"), undefined);
    departures.note("h1", undefined, none);
    assert.equal(remembered(departures, undefined), "constructor,web");
    for (const name of ["constructor", "web"]) assert.equal(departures.end("h1", name), true);
    assert.equal(remembered(departures, undefined), undefined);
    assert.equal(remembered(departures, none), "");
  });

  it("stays where it comes back before the broker has answered", () => {
    const departures = new Departures();
    departures.note("h1", withContainers("web"), none);
    assert.deepEqual(departures.note("h1", none, withContainers("web")), []);
    assert.equal(departures.end("h1", "web"), false);
    assert.equal(remembered(departures, withContainers("web")), "web");
  });

  it("is one of its host alone", () => {
    const departures = new Departures();
    departures.note("h1", withContainers("web"), none);
    assert.equal(departures.end("h2", "web"), false);
    assert.equal(remembered(departures, none), "web");
  });
});
