import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { after, before, describe, it } from "mocha";
import { newRunId } from "../../services/poller/plan/run-id.ts";
import {
  describeContainer,
  describeImage,
  describeRemoteImage,
} from "../../shared/containers/payloads-from-engine.ts";
import { makeEvent } from "../../shared/contract/messages.ts";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
import { eventId, subjects } from "../../shared/contract/subjects.ts";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, pull, release } from "../support/containers.ts";
import { addFaultRow, writeFaults } from "../support/faults.ts";
import { addParticipant } from "../support/participants.ts";
import { awaitResults, requestPlan, update } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);

after(writeFaults);

/** What somebody may do to a container while its update is under way: [in words, the deed, what is there then]. */
const meddling: readonly [string, (name: string) => Promise<unknown>, string?][] = [
  ["removed", (name) => h1.docker.getContainer(name).remove({ force: true })],
  ["replaced", (name) => replaceBySomebody(name), "running 2"],
  ["stopped", (name) => h1.docker.getContainer(name).stop(), "exited 1"],
];
const moments = {
  taken: "before the plan was taken",
  updates_enumerated: "while updates_enumerated was waited for",
  before_update: "while before_update was waited for",
} as const;

after(writeFaults);

describe("a container that somebody", () => {
  const ids = new Map<string, string | undefined>();
  let ends: Record<string, UpdateResult>;
  let states: string[];

  before(async () => {
    await h1.clean(); // what is due beside them would be planned too
    const names = Object.keys(moments).flatMap((moment) => meddling.map(([what]) => `${what}-${moment}`));
    for (const name of names) await deploy(h1, name);
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    const meddleAt = async (moment: string, only?: string): Promise<string> => {
      for (const [what, meddle] of meddling) {
        const name = `${what}-${moment}`;
        if (only !== undefined && name !== only) continue;
        await meddle(name);
        ids.set(name, await idIfThere(name));
      }
      return "proceed";
    };
    const hooks = ["updates_enumerated", "before_update"] as const;
    await using _judge = await addParticipant(
      stack,
      "judge",
      { hooks },
      async ({ id, subject }, { hook }) => {
        await until("the updater waits", () => isWaiting(stack, id));
        return meddleAt(hook, hook === "before_update" ? subject : undefined);
      },
    );
    stack.services.updater?.kill("SIGTERM");
    await stack.services.updater?.exited;
    for (const name of names) await release(`apps/${name}`, "2");
    const run = await requestPlan(stack);
    await meddleAt("taken");
    stack.start("updater");
    ends = await awaitResults(stack, run);
    states = await overview(h1);
  });
  after(() => h1.clean());

  for (const [moment, inWords] of Object.entries(moments)) {
    for (const [what, , state] of meddling) {
      it(`${what} ${inWords} is left alone`, async () => {
        const name = `${what}-${moment}`;
        assert.equal(ends[name], "expired");
        assert.deepEqual(
          states.filter((one) => one.startsWith(name)),
          state === undefined ? [] : [`${name} ${state}`],
        );
        assert.equal(await idIfThere(name), ids.get(name));
      });
    }
  }
});

describe("a new container that somebody removed while after_update was waited for", () => {
  let ends: Record<string, UpdateResult>;
  let seen: string[];
  const ids = new Map<string, string>();
  const meddle = async (name: string): Promise<void> => {
    if (name === "replaced") await replaceBySomebody(name);
    else await h1.docker.getContainer(name).remove({ force: true });
  };

  before(async () => {
    const names = ["liked", "disliked", "replaced"];
    for (const name of names) ids.set(name, await deploy(h1, name));
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const hooks = ["after_update"] as const;
    await using _judge = await addParticipant(stack, "judge", { hooks }, async ({ subject: name }) => {
      await meddle(name);
      return name === "disliked" ? "refuse: I do not like it" : "proceed";
    });
    for (const name of names) await release(`apps/${name}`, "2");
    ends = await update(stack);
    seen = await overview(h1);
  });
  after(() => h1.clean());

  for (const name of ["liked", "disliked"])
    it(`is missed, and the old one is put back, when it was ${name}`, async () => {
      assert.equal(ends[name], "rolled_back");
      assert.ok(seen.includes(`${name} running 1`));
      assert.equal(await idOf(h1, name), ids.get(name));
    });

  it("is not missed where its owner has put another in its place", () => {
    assert.equal(ends["replaced"], "expired");
    assert.ok(seen.includes("replaced running 2"));
  });

  it("leaves nothing beside them", () => {
    assert.equal(seen.length, 3);
    const happens =
      "`rolled_back`: the old one runs again; `expired` where its owner put another in its place";
    addFaultRow("new container removed by somebody during `after_update`", happens);
  });
});

describe("an old container that somebody removed while after_update was waited for", () => {
  let ends: Record<string, UpdateResult>;
  let seen: string[];

  before(async () => {
    for (const name of ["liked", "disliked"])
      await deploy(h1, name, { create: { Env: ["KEEP=mine"], Labels: { mine: "too" } } });
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await using _judge = await addParticipant(stack, "judge", { hooks: ["after_update"] }, async (event) => {
      const { id } = event.data["old_container"] as { id: string };
      await h1.docker.getContainer(id).remove({ force: true });
      return event.subject === "liked" ? "proceed" : "refuse: I do not like it";
    });
    await release("apps/liked", "2");
    await release("apps/disliked", "2");
    ends = await update(stack);
    seen = await overview(h1);
  });
  after(() => h1.clean());

  it("is not missed when all proceed", () => {
    assert.equal(ends["liked"], "updated");
    assert.ok(seen.includes("liked running 2"));
  });

  it("is made again as it was when someone refuses", async () => {
    assert.equal(ends["disliked"], "rolled_back");
    assert.ok(seen.includes("disliked running 1"));
    const { Config } = await h1.docker.getContainer("disliked").inspect();
    assert.ok(Config.Env.includes("KEEP=mine"));
    assert.equal(Config.Labels["mine"], "too");
  });

  it("leaves nothing beside them", () => {
    assert.equal(seen.length, 2);
    addFaultRow(
      "old container removed by somebody during `after_update`",
      "`updated`; where `after_update` refuses, `rolled_back`: the old one is made again as it was",
    );
  });
});

describe("a plan", () => {
  let stack: Stack;
  let web: string;

  before(async () => {
    web = await deploy(h1, "web");
    stack = await startStack({ engine: h1, services: ["updater", "hook-executor"], forges: true });
    await until("the updater is there", () => stack.services.updater?.log().includes("acts on the host"));
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  const lies: readonly [string, Lie][] = [
    ["for another Engine", { engineId: "ANOTHER" }],
    ["that names another image as the running one", { imageId: `sha256:${"0".repeat(64)}` }],
    ["that names another container", { id: "0".repeat(64) }],
    ["for a container that is not there", { name: "nobody" }],
  ];
  for (const [what, lie] of lies) {
    it(`${what} changes nothing`, async () => {
      await release("apps/web", "2");
      const run = await publishPlan(stack, lie);
      assert.deepEqual(await awaitResults(stack, run), { [lie.name ?? "web"]: "expired" });
      assert.equal(await idOf(h1, "web"), web);
      assert.ok(stack.heard().every((one) => one === "updates_enumerated"));
    });
  }

  it("that cannot be understood is given up, and the next one is taken", async () => {
    const at = { host: "h1", hook: "updates_enumerated", container: null } as const;
    await jetstream(stack.nats).publish(subjects.hook({ ...at, event: "junk" }), "{}");
    const { digest } = await release("apps/web", "2");
    assert.deepEqual(await awaitResults(stack, await publishPlan(stack, { digest })), { web: "updated" });
    web = await idOf(h1, "web");
  });

  it("does not say which image is taken: another digest than its own tag's ends as expired", async () => {
    const evil = await release("apps/evil", "666");
    const run = await publishPlan(stack, { reference: evil.reference, digest: evil.digest });
    assert.deepEqual(await awaitResults(stack, run), { web: "expired" });
    assert.equal(await idOf(h1, "web"), web);
  });
});

interface Lie {
  readonly engineId?: string;
  readonly imageId?: string;
  readonly id?: string;
  readonly name?: string;
  readonly reference?: string;
  readonly digest?: string;
}

/** A plan to update `web` by the poller's right to publish one, true but for the lie. Resolves with its run. */
async function publishPlan(stack: Stack, lie: Lie): Promise<string> {
  const run = newRunId(Date.now());
  const inspect = await h1.docker.getContainer("web").inspect();
  const image = describeImage(await h1.docker.getImage(inspect.Image).inspect());
  const told = describeContainer(inspect);
  const { name = told.name, id = told.id, imageId = told.image_id } = lie;
  const reference = lie.reference ?? told.image;
  const digest = lie.digest ?? `sha256:${"1".repeat(64)}`;
  const event = eventId(run, "updates_enumerated", null);
  const engineId = lie.engineId ?? ((await h1.docker.info()) as { ID: string }).ID;
  const body = makeEvent({
    id: event,
    hook: "updates_enumerated",
    service: "poller",
    container: null,
    time: new Date().toISOString(),
    context: { host: stack.host, engine_id: engineId, run, mode: "update", reason: "" },
    locals: {
      updateable: [
        {
          container: { ...told, name, id, image_id: imageId },
          current_image: image,
          latest_image: describeRemoteImage(reference, reference.replace(/:latest$/, ""), digest),
        },
      ],
      depends_on_containers: [],
      hard_depends_on_containers: [],
    },
  });
  const at = { host: stack.host, hook: "updates_enumerated", container: null, event } as const;
  await jetstream(stack.nats).publish(subjects.hook(at), JSON.stringify(body));
  return run;
}

async function replaceBySomebody(name: string): Promise<void> {
  const container = h1.docker.getContainer(name);
  const { Config } = await container.inspect();
  await pull(h1, Config.Image);
  await container.remove({ force: true });
  await (await h1.docker.createContainer({ name, Image: Config.Image })).start();
}

const isWaiting = ({ records }: Stack, id: string): boolean =>
  records.some((record) => record.kind === "waiting" && record.event === id);

const idIfThere = (name: string): Promise<string | undefined> => idOf(h1, name).catch(() => undefined);
