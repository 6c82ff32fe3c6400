/** Which containers of a real Engine are watched, by what their owner says and by their labels. */
import assert from "node:assert/strict";
import { type Engine, engine, pushApp } from "../../bed/bed.ts";
import { openStage, runApp, startPoller } from "./stage.ts";

const host = engine(1);
const OURS = "com.ouroboros.enable";
const LABELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...{
    plain: {},
    yes: { [OURS]: "yes" },
    true: { [OURS]: "True" },
    no: { [OURS]: "false" },
    other: { [OURS]: "1" },
  },
  ...{ tower: { "com.centurylinklabs.watchtower.enable": "true" }, wud: { "wud.watch": "true" } },
  ...{ unseen: { "wud.watch": "false" } },
};
const ALL = Object.keys(LABELS).sort();
const SEEN = ALL.filter((name) => name !== "unseen");

describe("of the containers of an Engine", () => {
  before(() => deployLabelled(host));
  after(() => host.clean());

  const cases: readonly [string, NodeJS.ProcessEnv, readonly string[]][] = [
    ["all are watched, whatever our label says, but those that another updater is kept from", {}, SEEN],
    ["those that MONITOR names are watched all the same", { MONITOR: ALL.join(" ") }, ALL],
    ["those that MONITOR names are watched", { MONITOR: "plain no nobody" }, ["no", "plain"]],
    ["those that IGNORE names are not", { IGNORE: "plain no wud unseen" }, ["other", "tower", "true", "yes"]],
    ["one that both name is not", { MONITOR: "plain no", IGNORE: "no" }, ["plain"]],
    [
      "those with com.ouroboros.enable=true or yes are watched with LABEL_ENABLE, and those without it",
      { LABEL_ENABLE: "true" },
      ["plain", "tower", "true", "wud", "yes"],
    ],
    [
      "the label comes before MONITOR and IGNORE with LABEL_ENABLE",
      { LABEL_ENABLE: "true", MONITOR: "no other", IGNORE: "yes" },
      ["true", "yes"],
    ],
    [
      "only labelled ones are watched with LABELS_ONLY",
      { LABEL_ENABLE: "1", LABELS_ONLY: "1" },
      ["true", "yes"],
    ],
    ["none is watched with LABELS_ONLY alone", { LABELS_ONLY: "true", MONITOR: "plain" }, []],
    [
      "labels of watchtower and What's Up Docker count as labels where COMPAT_LABELS names them",
      { LABEL_ENABLE: "1", LABELS_ONLY: "1", COMPAT_LABELS: "watchtower wud" },
      ["tower", "true", "wud", "yes"],
    ],
    ["those that wud.watch excludes are not, without more ado", { COMPAT_LABELS: "wud" }, SEEN],
  ];
  for (const [sentence, env, expected] of cases)
    it(sentence, async () => {
      await using stage = await openStage();
      await stage.makeTopology();
      await using _poller = startPoller(host, stage.server, env);
      const { due } = (await stage.ask("check")) as { due: readonly { container: string }[] };
      assert.deepEqual(due.map(({ container }) => container).sort(), expected);
    });
});

/** One for each label, all from an image whose tag has moved on. */
async function deployLabelled(on: Engine): Promise<void> {
  const { reference } = await pushApp("polled-watched", "1");
  for (const [name, labels] of Object.entries(LABELS)) await runApp(on, name, reference, labels);
  await pushApp("polled-watched", "1");
}
