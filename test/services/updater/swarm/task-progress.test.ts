import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { TaskProgress } from "../../../../services/updater/swarm/task-progress.ts";
import { TaskDocument } from "../../../../shared/swarm/service-document.ts";

const [OLD, NEW] = ["a", "b"].map((letter) => `sha256:${letter.repeat(64)}`) as [string, string];

let n = 0;
/** Each is a task of its own. */
const task = (place: number | string, digest: string, state: string): TaskDocument =>
  TaskDocument.parse({
    ID: `t${++n}`,
    ...(typeof place === "number" ? { Slot: place } : { NodeID: place }),
    DesiredState: "running",
    Spec: { ContainerSpec: { Image: `nginx:1@${digest}` } },
    Status: { State: state },
  });

/** Of each look, whether a task got further. */
function progressOf(...looks: readonly (readonly TaskDocument[])[]): boolean[] {
  const progress = new TaskProgress(NEW);
  return looks.map((tasks) => progress.note({ service: undefined, tasks }));
}

describe("the tasks of a service", () => {
  it("get further from state to state, and from image to image", () =>
    assert.deepEqual(
      progressOf([task(1, OLD, "running")], [task(1, NEW, "preparing")], [task(1, NEW, "running")]),
      [true, true, true],
    ));

  it("get no further where one fails and starts again and again while another waits", () =>
    assert.deepEqual(
      progressOf(
        [task(1, NEW, "running"), task(2, NEW, "pending")],
        [task(1, NEW, "failed"), task(2, NEW, "pending")],
        [task(1, NEW, "running"), task(2, NEW, "pending")],
        [task(1, NEW, "failed"), task(2, NEW, "pending")],
      ),
      [true, true, false, false],
    ));

  it("of a global service are told apart by their nodes", () =>
    assert.deepEqual(progressOf([task("n1", NEW, "running")], [task("n2", NEW, "running")]), [true, true]));
});
