import assert from "node:assert/strict";
import type { ContainerInspectInfo } from "dockerode";
import {
  type ContainerFacts,
  collectDependants,
  factsOf,
  hasNameOrId,
  whySkipped,
} from "../../../shared/containers/container-facts.ts";
import { PLAIN_FACTS } from "../../support/plain-facts.ts";

const id = "0123456789abcdef".repeat(4);
const web: ContainerFacts = {
  id,
  name: "web",
  reference: "nginx:1.27",
  imageId: "sha256:1",
  ...PLAIN_FACTS,
};

/** The parts of an inspect document that facts come from. */
const inspect = (host: object, labels: Record<string, string> | null = {}): ContainerInspectInfo =>
  ({
    Id: id,
    Name: "/web",
    Image: "sha256:1",
    Config: { Image: "nginx:1.27", Labels: labels },
    State: { Status: "running" },
    HostConfig: { NetworkMode: "bridge", ...host },
  }) as unknown as ContainerInspectInfo;

describe("the facts of a container", () => {
  const cases: readonly [string, ContainerInspectInfo, Partial<ContainerFacts>][] = [
    ["are its name without the slash, its image and its state", inspect({}), web],
    ["bear no labels where the Engine says null", inspect({}, null), { labels: {} }],
    [
      "list dependencies; one in both lists counts as hard",
      inspect(
        {},
        {
          "com.ouroboros.depends_on": " db , cache,,/queue",
          "com.ouroboros.hard_depends_on": "cache",
        },
      ),
      { dependsOn: ["db", "queue"], hardDependsOn: ["cache"] },
    ],
    [
      "name whose network, pid and ipc it shares",
      inspect({ NetworkMode: "container:vpn", PidMode: "container:abc", IpcMode: "shareable" }),
      { refersTo: ["vpn", "abc"] },
    ],
    ["name what it links to", inspect({ Links: ["/db:/web/database"] }), { refersTo: ["db"] }],
    ["know no links where the Engine says null", inspect({ Links: null }), { refersTo: [] }],
    ["say that it vanishes when stopped", inspect({ AutoRemove: true }), { autoRemove: true }],
  ];
  for (const [sentence, document, expected] of cases)
    it(sentence, () => {
      const facts = factsOf(document);
      assert.deepEqual({ ...facts, ...expected }, facts);
    });
});

describe("a name or id", () => {
  const cases: readonly [string, string, boolean][] = [
    ["means the container by its name", "web", true],
    ["means the container by its id", id, true],
    ["means the container by the start of its id", id.slice(0, 12), true],
    ["is too short to be an id below twelve characters", id.slice(0, 11), false],
    ["means no other container", "web2", false],
  ];
  for (const [sentence, name, expected] of cases)
    it(sentence, () => assert.equal(hasNameOrId(web, name), expected));
});

describe("a container is left alone", () => {
  const other: ContainerFacts = { ...web, id: "f".repeat(64), name: "sidecar" };
  const cases: readonly [string, Partial<ContainerFacts>, string | undefined][] = [
    ["not at all, where nothing speaks against it", {}, undefined],
    ["when paused", { status: "paused" }, "paused"],
    ["when stopped", { status: "exited" }, "not running"],
    ["never for being in a crash loop", { status: "restarting" }, undefined],
    ["as a part of Ouroboros", { labels: { "com.ouroboros.role": "nats" } }, "part of Ouroboros itself"],
    ["as a swarm task", { labels: { "com.docker.swarm.task.id": "x" } }, "part of a swarm service"],
    ["in a pod", { labels: { "io.kubernetes.pod.uid": "x" } }, "part of a Kubernetes pod"],
    [
      "as a one-off of compose",
      { labels: { "com.docker.compose.oneoff": "True" } },
      "a one-off container of compose",
    ],
    ["not as a service of compose", { labels: { "com.docker.compose.oneoff": "False" } }, undefined],
    ["with --rm", { autoRemove: true }, "started with --rm: it would vanish when stopped"],
    ["made from an image id", { reference: `sha256:${id}` }, "its image has no tag to follow"],
    ["pinned by digest", { reference: `nginx@sha256:${id}` }, "pinned by digest"],
    ["not for its hard dependencies", { hardDependsOn: ["db"] }, undefined],
  ];
  for (const [sentence, change, expected] of cases)
    it(sentence, () => assert.equal(whySkipped({ ...web, ...change }, [web, other]), expected));

  it("not because another one shares its network, or it another one's: they are recreated with it", () => {
    assert.equal(whySkipped(web, [web, { ...other, refersTo: ["web"] }]), undefined);
    assert.equal(whySkipped({ ...web, refersTo: ["sidecar"] }, [web, other]), undefined);
  });

  it("where what refers to it could not be put back", () =>
    assert.equal(
      whySkipped(web, [web, { ...other, refersTo: ["web"], autoRemove: true }]),
      "sidecar refers to it and was started with --rm: it could not be put back",
    ));

  it("where it depends on a part of Ouroboros", () => {
    const part: ContainerFacts = { ...other, name: "updater", labels: { "com.ouroboros.role": "updater" } };
    assert.equal(
      whySkipped({ ...web, dependsOn: ["updater"] }, [web, part]),
      "it depends on updater, a part of Ouroboros itself, which is not stopped for it",
    );
  });

  it("where a part of Ouroboros refers to it, be it through another one", () => {
    const part = { ...other, id: "e".repeat(64), name: "nats", labels: { "com.ouroboros.role": "nats" } };
    assert.equal(
      whySkipped(web, [web, { ...other, refersTo: ["web"] }, { ...part, refersTo: ["sidecar"] }]),
      "nats, a part of Ouroboros itself, refers to it",
    );
  });
});

describe("what refers to a container", () => {
  const named = (name: string, ...refersTo: string[]): ContainerFacts => ({
    ...web,
    id: name.repeat(20),
    name,
    refersTo,
  });
  const cases: readonly [string, readonly ContainerFacts[], readonly string[]][] = [
    ["is nothing where nobody does", [named("aa")], []],
    [
      "is found through one another",
      [named("aa", "web"), named("bb", "aa"), named("cc", "bb")],
      ["aa", "bb", "cc"],
    ],
    ["is found once", [named("aa", "web"), named("bb", "web", "aa")], ["aa", "bb"]],
    ["is not it itself, in a circle", [named("aa", "web", "bb"), named("bb", "aa")], ["aa", "bb"]],
  ];
  for (const [sentence, others, expected] of cases)
    it(sentence, () =>
      assert.deepEqual(
        collectDependants(web, [web, ...others]).map(({ name }) => name),
        expected,
      ),
    );
});
