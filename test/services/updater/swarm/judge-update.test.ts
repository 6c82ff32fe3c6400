import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type RevertStanding,
  type SentUpdate,
  type UpdateStanding,
  isTaken,
  judgeRevert,
  judgeUpdate,
  runsNowhere,
} from "../../../../services/updater/swarm/judge-update.ts";
import { ServiceDocument, TaskDocument } from "../../../../shared/swarm/service-document.ts";

const [OLD, NEW, OTHER] = ["a", "b", "c"].map((letter) => `sha256:${letter.repeat(64)}`) as [
  string,
  string,
  string,
];
const sent: SentUpdate = { from: OLD, to: NEW, rolledBackAt: "long ago" };

const service = (digest: string, state?: string, more: object = {}): ServiceDocument =>
  ServiceDocument.parse({
    ID: "s1",
    Version: { Index: 7 },
    CreatedAt: "2026-01-01T00:00:00Z",
    Spec: {
      Name: "web",
      TaskTemplate: { ContainerSpec: { Image: `nginx:1@${digest}` } },
      Mode: { Replicated: { Replicas: 2 } },
      ...more,
    },
    ...(state !== undefined && {
      UpdateStatus: { State: state, StartedAt: "now", Message: `it is ${state}` },
    }),
  });

let n = 0;
const task = (digest: string, state: string, error?: string): TaskDocument =>
  TaskDocument.parse({
    ID: `t${++n}`,
    DesiredState: state === "failed" ? "shutdown" : "running",
    Spec: { ContainerSpec: { Image: `nginx:1@${digest}` } },
    Status: { State: state, Err: error },
  });
const both = (digest: string): TaskDocument[] => [task(digest, "running"), task(digest, "running")];

type Case = readonly [
  string,
  ServiceDocument | undefined,
  readonly TaskDocument[],
  UpdateStanding["kind"],
  RegExp?,
];

const cases: readonly Case[] = [
  ["that the swarm has not begun is under way", service(NEW), both(OLD), "under way"],
  ["that the swarm works on is under way", service(NEW, "updating"), both(NEW), "under way"],
  ["that is completed is proved by its tasks", service(NEW, "completed"), both(NEW), "proved"],
  ["after which somebody changed something else is proved by its tasks", service(NEW), both(NEW), "proved"],
  [
    "that is completed without its tasks is not",
    service(NEW, "completed"),
    [task(NEW, "running"), task(NEW, "starting"), task(NEW, "failed", "exit (1)")],
    "too few",
    /^1 of 2 tasks run with the new image; exit \(1\)$/,
  ],
  [
    "whose MaxFailureRatio lets one fail is proved by the other",
    service(NEW, "completed", { UpdateConfig: { MaxFailureRatio: 0.5 } }),
    [task(NEW, "running"), task(NEW, "failed")],
    "proved",
  ],
  [
    "whose MaxFailureRatio lets 7 of 10 fail is proved by 3, as the Engine counts",
    service(NEW, "completed", {
      Mode: { Replicated: { Replicas: 10 } },
      UpdateConfig: { MaxFailureRatio: 0.7 },
    }),
    [...both(NEW), task(NEW, "running")],
    "proved",
  ],
  [
    "whose MaxFailureRatio lets all fail needs one all the same",
    service(NEW, "completed", { UpdateConfig: { MaxFailureRatio: 1 } }),
    [task(NEW, "failed"), task(NEW, "failed")],
    "too few",
    /^0 of 1 tasks run/,
  ],
  [
    "of a global service that no node may run is proved by nothing",
    service(NEW, "completed", { Mode: { Global: {} } }),
    [],
    "too few",
  ],
  [
    "of a service that was scaled to 0 meanwhile needs no task",
    service(NEW, "completed", { Mode: { Replicated: { Replicas: 0 } } }),
    [],
    "proved",
  ],
  [
    "of a global service needs the tasks that the swarm wants",
    service(NEW, "completed", { Mode: { Global: {} } }),
    [...both(NEW), task(NEW, "pending")],
    "too few",
  ],
  [
    "of a global service does not wait for a node that is paused, whose task stays",
    service(NEW, "completed", { Mode: { Global: {} } }),
    [task(NEW, "running"), task(OLD, "running")],
    "proved",
  ],
  [
    "of a global service that the swarm has not begun on a node is under way",
    service(NEW, undefined, { Mode: { Global: {} } }),
    [task(NEW, "running"), task(OLD, "running")],
    "under way",
  ],
  [
    "that is paused has failed, as its tasks say",
    service(NEW, "paused"),
    [task(NEW, "failed", "no such image"), task(OLD, "failed", "long before")],
    "failed",
    /^it is paused; no such image$/,
  ],
  ["that the Engine rolls back is on its way back", service(OLD, "rollback_started"), [], "reverting"],
  [
    "that the Engine rolled back is reverted, as its tasks say",
    service(OLD, "rollback_completed"),
    [...both(OLD), task(NEW, "failed", "exit (7)")],
    "reverted",
    /^it is rollback_completed; exit \(7\)$/,
  ],
  [
    "whose rollback is paused is stuck",
    service(OLD, "rollback_paused"),
    [],
    "stuck",
    /its rollback is paused/,
  ],
  ["whose image is not there was not sent", service(OLD, "completed"), both(OLD), "not sent"],
  ["is given up where there is a third image", service(OTHER, "completed"), both(OTHER), "changed"],
  ["is given up where the service is gone", undefined, [], "changed", /removed/],
];

describe("the update of a service", () => {
  for (const [sentence, found, tasks, kind, because] of cases)
    it(sentence, () => {
      const standing = judgeUpdate({ service: found, tasks }, sent);
      assert.equal(standing.kind, kind);
      if (because !== undefined) assert.match("because" in standing ? standing.because : "", because);
    });

  it("is not taken for one that was rolled back before it was sent", () => {
    const found = service(OLD, "rollback_completed");
    const earlier = { ...sent, rolledBackAt: found.UpdateStatus?.StartedAt ?? undefined };
    assert.equal(judgeUpdate({ service: found, tasks: [] }, earlier).kind, "not sent");
  });
});

const answers: readonly (readonly [string, ServiceDocument | undefined, boolean])[] = [
  ["while its image is there", service(NEW), true],
  ["where it was rolled back already", service(OLD, "rollback_completed"), true],
  ["where it is being rolled back", service(OLD, "rollback_started"), true],
  ["where its rollback is paused", service(OLD, "rollback_paused"), true],
  ["but not where the image before is there", service(OLD, "completed"), false],
  ["but not where a third image is there", service(OTHER), false],
  ["but not where the service is gone", undefined, false],
];

describe("an update whose answer was lost was taken", () => {
  for (const [sentence, found, taken] of answers)
    it(sentence, () => assert.equal(isTaken(found, sent), taken));
});

type Way = readonly [string, ServiceDocument | undefined, readonly TaskDocument[], RevertStanding["kind"]];

const back: readonly Way[] = [
  ["is to be sent while the new image is there", service(NEW, "paused"), both(NEW), "to send"],
  ["is under way while the Engine goes back", service(OLD, "rollback_started"), both(NEW), "under way"],
  ["is under way while the image alone goes back", service(OLD, "updating"), both(NEW), "under way"],
  ["is under way before the swarm has begun", service(OLD), both(NEW), "under way"],
  ["is done once the Engine is", service(OLD, "rollback_completed"), both(OLD), "reverted"],
  ["is done where somebody did it", service(OLD), both(OLD), "reverted"],
  ["is done where no task is wanted", service(OLD), [task(NEW, "failed")], "reverted"],
  ["is stuck where the tasks of before fail", service(OLD, "rollback_paused"), both(OLD), "stuck"],
  ["is somebody else's where a third image is there", service(OTHER), both(OTHER), "changed"],
  ["is over where the service is gone", undefined, [], "changed"],
];

describe("the way back of a service", () => {
  for (const [sentence, found, tasks, kind] of back)
    it(sentence, () => assert.equal(judgeRevert({ service: found, tasks }, sent).kind, kind));
});

const nowhere: readonly (readonly [string, ServiceDocument, readonly TaskDocument[], boolean])[] = [
  [
    "that is global and has no task runs nowhere",
    service(OLD, undefined, { Mode: { Global: {} } }),
    [],
    true,
  ],
  [
    "whose tasks have all been shut down does so, too",
    service(OLD, undefined, { Mode: { Global: {} } }),
    [task(OLD, "failed")],
    true,
  ],
  [
    "that waits for a node does not",
    service(OLD, undefined, { Mode: { Global: {} } }),
    [task(OLD, "pending")],
    false,
  ],
  ["that is replicated does not", service(OLD), [], false],
];

describe("a service", () => {
  for (const [sentence, found, tasks, wanted] of nowhere)
    it(sentence, () => assert.equal(runsNowhere({ service: found, tasks }), wanted));
});
