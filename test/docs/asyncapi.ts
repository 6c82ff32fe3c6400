/** docs/asyncapi.json: subjects and messages as an AsyncAPI 3.0 document, as Ouroboros sends and receives them. */
import * as z from "zod";
import {
  type HookName,
  type NoticeName,
  hookNames,
  hooks,
  isHookName,
  noticeNames,
  notices,
} from "../../shared/contract/hooks.ts";
import { Verdict } from "../../shared/contract/messages.ts";
import { RunRecord } from "../../shared/contract/run-records.ts";
import { exampleEvent } from "./example-event.ts";
import { eventSchema, messages, noticeSchema, parts } from "./schemas.ts";

const PARAMETERS = {
  host: "Name of the host.",
  container: "Name of the container; `_` where the event is about a whole run.",
  event: "Id of the event.",
  participant: "Name of the participant.",
  run: "Id of the run.",
} as const;
const TOKEN = "Bytes other than A-Z, a-z, 0-9, - and _ are written =XX, in upper-case hexadecimal.";

const channel = (address: string, title: string, ...of: readonly string[]) => ({
  address,
  title,
  messages: Object.fromEntries(of.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
  parameters: Object.fromEntries(
    [...address.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [
      name,
      { $ref: `#/components/parameters/${name}` },
    ]),
  ),
});

const all = { ...hooks, ...notices };
const allNames = [...hookNames, ...noticeNames];

const channels = {
  ...Object.fromEntries(
    allNames.map((name) => [
      name,
      channel(
        `ouroboros.hook.{host}.${name}.${all[name].about === "run" ? "_" : "{container}"}.{event}`,
        all[name].says,
        name,
      ),
    ]),
  ),
  verdict: channel("ouroboros.verdict.{host}.{participant}.{event}", "Verdicts of participants.", "verdict"),
  progress: channel(
    "ouroboros.progress.{host}.{participant}.{event}",
    "Signs that a participant is still at it.",
    "progress",
  ),
  run: channel("ouroboros.run.{host}.{run}", "The journal of a run.", "run-record"),
};

const to = (name: string) => ({ $ref: `#/channels/${name}` });

const ask = (hook: HookName) => ({
  action: "send",
  channel: to(hook),
  summary: hooks[hook].says,
  reply: { address: { location: "$message.payload#/verdictsubject" }, channel: to("verdict") },
});

const components = {
  messages: {
    ...Object.fromEntries(allNames.map((name) => [name, event(name)])),
    verdict: { title: "Verdict", contentType: "application/json", payload: ref("verdict") },
    progress: { title: "Progress", payload: {}, description: messages["progress"]?.description },
    "run-record": { title: "Record", contentType: "application/json", payload: ref("run-record") },
  },
  parameters: Object.fromEntries(
    Object.entries(PARAMETERS).map(([name, says]) => [name, { description: `${says} ${TOKEN}` }]),
  ),
  schemas: schemas(),
};

export const asyncapi = () => ({
  asyncapi: "3.0.0",
  info: {
    title: "Ouroboros",
    version: "1.0.0",
    description:
      "Events before and after each step of a container update, and the verdicts that answer them, on NATS. In words: contract.md beside this file.",
    license: { name: "MIT" },
  },
  defaultContentType: "application/json",
  servers: {
    nats: { host: "nats:4222", protocol: "nats", description: "NATS 2.10 or newer with JetStream." },
  },
  channels,
  operations: {
    ...Object.fromEntries(hookNames.map((hook) => [hook, ask(hook)])),
    ...Object.fromEntries(noticeNames.map((name) => [name, { action: "send", channel: to(name) }])),
    verdict: { action: "receive", channel: to("verdict") },
    progress: { action: "receive", channel: to("progress") },
    run: { action: "send", channel: to("run") },
  },
  components,
});

function event(name: HookName | NoticeName) {
  return {
    name: `ouroboros.${name}.v1`,
    title: name,
    summary: all[name].says,
    contentType: "application/cloudevents+json",
    payload: ref(name),
    ...(isHookName(name) && { examples: [{ payload: exampleEvent(name) }] }),
  };
}

function ref(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}

/** In the dialect of AsyncAPI's own schemas, JSON Schema draft 7, referring to one another in the document. */
function schemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(parts)) registry.add(schema, { id });
  for (const hook of hookNames) registry.add(eventSchema(hook), { id: hook });
  for (const name of noticeNames) registry.add(noticeSchema(name), { id: name });
  registry.add(Verdict, { id: "verdict" }).add(RunRecord, { id: "run-record" });
  const printed = z.toJSONSchema(registry, {
    io: "input",
    target: "draft-7",
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(printed.schemas).map(([id, { $schema: _, $id: _own, ...schema }]) => [id, schema]),
  );
}
