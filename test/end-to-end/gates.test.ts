import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { type HookName, hookNames, hooks } from "../../shared/contract/hooks.ts";
import type { DecisionRecord, UpdateResult } from "../../shared/contract/run-records.ts";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { type RegisteredParticipant, addParticipant } from "../support/participants.ts";
import { readHold, skippedContainers, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { firstUnlessFull } from "../support/full-run.ts";

const h1 = engine(1);

type Fired = HookName;
type Notice = "dry_run_update" | "notify_update";
/** Those of a self-update: self-update.test.ts; those of a service: swarm.test.ts. */
type Self =
  | "before_self_update"
  | "after_self_update"
  | "before_self_cleanup"
  | "after_self_cleanup"
  | "before_service_update"
  | "after_service_update";
const fired = hookNames.filter((name): name is Exclude<Fired, Self> => !/_self_|_service_/.test(name));

interface Outcome {
  readonly end: "left" | "rolled_back" | "updated";
  /** The label by which `web-<hook>` names `db-<hook>`. */
  readonly depends: "depends_on" | "hard_depends_on";
}
const soft = { depends: "depends_on" } as const;
const hard = { depends: "hard_depends_on" } as const;

/** What no is worth at each hook; `web-<hook>` is the container that is to be updated, `db-<hook>` its dependency. */
const outcomes: Readonly<Record<Exclude<Fired, Notice | Self>, Outcome>> = {
  updates_enumerated: { end: "left", ...soft },
  before_stop_depends_container: { end: "left", ...soft },
  before_update: { end: "left", ...soft },
  after_update: { end: "rolled_back", ...soft },
  before_image_cleanup: { end: "updated", ...soft },
  before_start_depends_container: { end: "updated", ...soft },
  before_recreate_hard_depends_container: { end: "updated", ...hard },
  after_recreate_hard_depends_container: { end: "updated", ...hard },
};
const asked = fired.filter((name): name is keyof typeof outcomes => name in outcomes);

describe("the hooks that are fired", () => {
  it("are all refused here, or tell what happens in another mode", () => {
    assert.deepEqual(
      fired.filter((name) => !(name in outcomes)),
      ["dry_run_update", "notify_update"],
    );
  });
});

for (const word of firstUnlessFull(["refuse", "defer"] as const)) {
  describe(word, () => {
    let stack: Stack;
    let judge: RegisteredParticipant;
    let ends: Record<string, UpdateResult>;
    let seen: string[];
    const ids = new Map<string, string>();
    const oldImages = new Map<string, string>();

    before(async () => {
      for (const hook of asked) {
        ids.set(`db-${hook}`, await deploy(h1, `db-${hook}`));
        const create = { Labels: { [`com.ouroboros.${outcomes[hook].depends}`]: `db-${hook}` } };
        ids.set(`web-${hook}`, await deploy(h1, `web-${hook}`, { create }));
        oldImages.set(hook, (await h1.docker.getContainer(`web-${hook}`).inspect()).Image);
      }
      stack = await startStack({
        engine: h1,
        env: { CLEANUP: "true", IGNORE: asked.map((hook) => `db-${hook}`).join(" ") },
      });
      await stack.check();
      const no = { verdict: word, reason: "not today" };
      judge = await addParticipant(stack, "judge", { hooks: asked }, ({ subject }, { hook }) =>
        hook === "updates_enumerated"
          ? { verdict: "proceed", containers: { "web-updates_enumerated": no } }
          : subject.endsWith(`-${hook}`)
            ? no
            : "proceed",
      );
      for (const hook of asked) await release(`apps/web-${hook}`, "2");
      ends = await update(stack);
      seen = await overview(h1);
    });
    after(async () => {
      await judge[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
      await h1.clean();
    });

    for (const hook of asked) {
      const { end } = outcomes[hook];
      it(`at ${hook}: ${hooks[hook].refusal ?? "has no effect, the work goes on"}`, async () => {
        const left = word === "refuse" ? "refused" : "deferred";
        assert.equal(ends[`web-${hook}`], end === "left" ? left : end);
        const version = end === "updated" ? 2 : 1;
        assert.deepEqual(of(hook, seen), [`db-${hook} running 1`, `web-${hook} running ${version}`]);
        assert.equal((await idOf(h1, `web-${hook}`)) === ids.get(`web-${hook}`), end !== "updated");
        assert.equal(await idOf(h1, `db-${hook}`), ids.get(`db-${hook}`));
        const { verdict, by, reason } = decidedAt(stack, hook);
        if (hook === "updates_enumerated") return;
        assert.equal(verdict, hooks[hook].refusal === null ? "proceed" : word);
        assert.equal(by, "judge");
        assert.match(
          reason ?? "",
          hooks[hook].refusal === null ? /no effect here: not today/ : /^not today$/,
        );
      });
    }

    it("keeps the image where before_image_cleanup says so, and only there", async () => {
      const images = new Set((await h1.docker.listImages()).map(({ Id }) => Id));
      const gone = asked.filter((hook) => !images.has(oldImages.get(hook) ?? ""));
      assert.deepEqual(
        gone,
        asked.filter((hook) => outcomes[hook].end === "updated" && hook !== "before_image_cleanup"),
      );
    });

    it("asks no hook behind the one that said no", () => {
      assert.deepEqual(of("before_stop_depends_container", judge.asked), [
        "before_stop_depends_container db-before_stop_depends_container",
      ]);
      assert.deepEqual(of("updates_enumerated", judge.asked), []);
    });

    it("is held, so that a second check asks nobody", async () => {
      const before = judge.asked.length;
      const left = await skippedContainers(stack);
      for (const hook of asked) {
        const name = `web-${hook}`;
        const isHeld = outcomes[hook].end !== "updated";
        assert.match(left[name] ?? "", isHeld ? /^held: .*not today \(judge\), until / : /^current$/);
        const entry = await readHold(stack, name);
        assert.equal(entry?.by, isHeld ? "judge" : undefined);
        if (isHeld) assert.equal(entry?.until === null, word === "refuse");
      }
      assert.equal(judge.asked.length, before);
    });

    it("does not hold another digest", async () => {
      await release("apps/web-before_update", "3");
      assert.deepEqual(await update(stack), {
        "web-before_update": word === "refuse" ? "refused" : "deferred",
      });
    });
  });
}

const of = (hook: string, lines: readonly string[]): string[] =>
  lines.filter((line) => line.includes(`-${hook}`)).sort();

function decidedAt({ records }: Stack, hook: keyof typeof outcomes): DecisionRecord {
  const found = records.find(
    (record): record is DecisionRecord & typeof record =>
      record.kind === "decided" &&
      record.hook === hook &&
      (record.container === null || record.container.endsWith(`-${hook}`)),
  );
  assert.ok(found, `${hook} was not decided`);
  return found;
}
