import assert from "node:assert/strict";
import type { ContainerInspection } from "../../../../shared/docker/inspect-documents.ts";
import { describe, it } from "mocha";
import {
  listInterruptedSwaps,
  wasStoppedByUs,
} from "../../../../services/updater/recover/interrupted-swap.ts";
import { phaseOf } from "../../../../services/updater/swap/swap-phase.ts";
import type { Snapshot } from "../../../../services/updater/journal/snapshot-store.ts";
import { backupName, successorName } from "../../../../shared/containers/swap-names.ts";
import type { SwapContainers } from "../../../../services/updater/swap/swap-containers.ts";

const RUN = "01r";
const [OLD, NEW] = ["01d".repeat(21), "2ef".repeat(21)];

interface Shown {
  readonly id?: string;
  readonly name?: string;
  readonly image?: string;
  readonly network?: string;
  readonly running?: boolean;
  readonly created?: string;
  readonly finished?: string;
}

const container = ({
  id = OLD,
  name = "web",
  image = "sha256:1",
  network = "bridge",
  running = false,
  created = "2026-01-01T10:00:00Z",
  finished = "2026-01-01T09:00:00Z",
}: Shown): ContainerInspection =>
  ({
    Id: id,
    Name: `/${name}`,
    Image: image,
    Created: created,
    State: { Running: running, FinishedAt: finished },
    Config: { Image: "app:1", Labels: {}, Env: [] },
    HostConfig: { NetworkMode: network },
    Mounts: [],
    NetworkSettings: { Networks: {} },
  }) as unknown as ContainerInspection;

const swap = (parts: Partial<SwapContainers>): SwapContainers => ({
  ...{ name: "web", run: RUN, current: undefined, successor: undefined, backup: undefined },
  ...parts,
});
const old = container({});
const next = container({ id: NEW, image: "sha256:2" });

describe("a swap that an earlier process left", () => {
  const cases: readonly [string, Partial<SwapContainers>, string | undefined][] = [
    [
      "has its old container still under its name, and a successor",
      { current: old, successor: next },
      "old new roll back",
    ],
    [
      "has the old one moved aside, and the successor not named yet",
      { backup: old, successor: next },
      "old new roll back",
    ],
    [
      "has the old one aside, and the successor bears the name",
      { backup: old, current: next },
      "old new resume",
    ],
    ["has the old one aside and nothing else", { backup: old }, "old old restore"],
    ["has the old one under its name and nothing else", { current: old }, "old old restore"],
    [
      "has a successor beside a container that somebody put there, and the old one",
      { backup: old, current: container({ id: "alien" }), successor: next },
      "old new roll back",
    ],
    ["is none where the old container is gone", { successor: next }, undefined],
  ];
  for (const [sentence, parts, expected] of cases)
    it(sentence, () => {
      const [begun] = listInterruptedSwaps([swap(parts)]);
      if (begun === undefined) return assert.equal(expected, undefined);
      const of = (id: string): string => (id === OLD ? "old" : id === NEW ? "new" : id);
      return assert.equal(`${of(begun.old.Id)} ${of(begun.next.Id)} ${phaseOf(begun.observed)}`, expected);
    });
});

describe("a container that is recreated with another", () => {
  const web = swap({ backup: old, current: next });
  const child = (shown: Shown, run = RUN): SwapContainers =>
    swap({
      ...{ name: "child", run },
      backup: container({ id: "child-old", name: backupName("child", run), ...shown }),
      successor: container({ ...shown, id: "child-new", name: successorName("child", run) }),
    });
  const isDependant = (...all: SwapContainers[]): boolean | undefined =>
    listInterruptedSwaps(all).find(({ name }) => name === "child")?.observed.isDependant;

  it("keeps its image", () => assert.equal(isDependant(child({})), true));
  it("has another image and refers to one of the same run, by its old id, its new one or its name", () => {
    for (const target of [OLD, NEW, "web"])
      assert.equal(
        isDependant({ ...child({ network: `container:${target}` }), successor: next }, web),
        true,
        target,
      );
  });
  it("is an update of its own with another image and no such reference", () =>
    assert.equal(isDependant({ ...child({}), successor: next }, web), false));
  it("is an update of its own where the other's swap is of another run", () =>
    assert.equal(
      isDependant({ ...child({ network: `container:${OLD}` }, "02r"), successor: next }, web),
      false,
    ));
  it("is none where it has no successor", () =>
    assert.equal(isDependant({ ...child({}), successor: undefined }), false));
});

describe("what is started again after a dependant's swap was cut off", () => {
  const created = "2026-01-01T10:00:00Z";
  const before = { finished: "2026-01-01T09:59:59Z" };
  const after = { finished: "2026-01-01T10:00:01Z" };
  const cases: readonly [string, Shown & { readonly ran?: boolean }, boolean, boolean][] = [
    ["what still runs", { running: true }, true, true],
    ["what stopped after its successor was made", after, true, true],
    ["not what somebody had stopped before", before, true, false],
    ["what its snapshot says ran, though the clock was set back", { ...before, ran: true }, true, true],
    [
      "not what its snapshot says was stopped, though the clock was set back",
      { ...after, ran: false },
      true,
      false,
    ],
    ["an update's own container in any case", before, false, true],
  ];
  for (const [sentence, shown, isDependant, expected] of cases)
    it(sentence, () => {
      const parts = {
        ...swap({}),
        old: container(shown),
        next: container({ id: NEW, created }),
        observed: { old: "aside", successor: "temporary", isDependant } as const,
      };
      const ran = new Set(shown.ran === true ? [parts.old.Id] : []);
      const snapshots = shown.ran === undefined ? [] : [{ container: parts.old } as unknown as Snapshot];
      assert.equal(wasStoppedByUs(parts, { ran, snapshots }), expected);
    });
});
