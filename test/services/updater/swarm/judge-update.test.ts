import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type RevertStanding,
  type SentUpdate,
  type UpdateStanding,
  judgeRevert,
  judgeUpdate,
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
    "that is paused has failed, as its tasks say",
    service(NEW, "paused"),
    [task(NEW, "failed", "no such image"), task(OLD, "failed", "long before")],
    "failed",
    /^it is paused; no such image$/,
  ],
  ["that the Engine rolls back is on its way back", service(OLD, "rollback_started"), [], "reverting"],
  ["that the Engine rolled back is reverted", service(OLD, "rollback_completed"), [], "reverted"],
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

const back: readonly (readonly [string, ServiceDocument | undefined, RevertStanding["kind"]])[] = [
  ["is to be sent while the new image is there", service(NEW, "paused"), "to send"],
  ["is under way while the Engine goes back", service(OLD, "rollback_started"), "under way"],
  ["is under way while the image alone goes back", service(OLD, "updating"), "under way"],
  ["is done once the Engine is", service(OLD, "rollback_completed"), "reverted"],
  ["is done where somebody did it", service(OLD), "reverted"],
  ["is stuck where the tasks of before fail", service(OLD, "rollback_paused"), "stuck"],
  ["is somebody else's where a third image is there", service(OTHER), "changed"],
  ["is over where the service is gone", undefined, "changed"],
];

describe("the way back of a service", () => {
  for (const [sentence, found, kind] of back)
    it(sentence, () => assert.equal(judgeRevert({ service: found }, sent).kind, kind));
});
