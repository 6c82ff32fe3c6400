/** The pages of docs/ that are printed from tables in the code: `npm run docs` writes them, a test compares them. */
import { z } from "zod";
import { type HookName, EventContext, hookNames, hooks } from "../../shared/hooks.ts";
import { labels } from "../../shared/labels.ts";
import { makeEvent } from "../../shared/messages.ts";
import { ContainerPayload, ImagePayload, Updateable } from "../../shared/payloads.ts";
import { settings } from "../../shared/settings.ts";
import { eventId, subjects } from "../../shared/subjects.ts";
import { securityPage } from "./security-page.ts";

/** File name in docs/ → its text. */
export const pages = (): Readonly<Record<string, string>> => ({
  "configuration.md": configurationPage(),
  "labels.md": labelsPage(),
  "hooks.md": hooksPage(),
  "security.md": securityPage(),
});

interface SettingRow {
  readonly says: string;
  readonly flags?: readonly string[];
  readonly byDefault?: string;
  readonly secret?: true;
}

export function configurationPage(): string {
  const rows = Object.entries<SettingRow>(settings).map(([name, { flags = [], byDefault = "", says }]) => [
    code(name),
    flags.map(code).join(" "),
    byDefault === "" ? "" : code(byDefault),
    says,
  ]);
  return page(
    "Configuration",
    `Every setting is an environment variable; those of Ouroboros 1 keep their names, flags, defaults and meaning.
The environment beats a flag; a variable that is empty counts as not given. \`NAME_FILE\` gives the value of \`NAME\`
from a file, for secrets. Lists are separated by blanks, quotes around a value are dropped. A duration is a number of
seconds, or a number with \`ms\`, \`s\`, \`m\`, \`h\`, \`d\` or \`w\`.

A value that cannot be used is told by name with what is allowed, all of them at once, and the program does not start.`,
    table(["Variable", "Flags", "By default", "Meaning"], rows),
  );
}

export function labelsPage(): string {
  const rows = Object.entries(labels).map(([name, { says }]) => [code(name), says]);
  return page(
    "Labels",
    "What a container may say about itself. A label takes effect at the next check.",
    table(["Label", "Meaning"], rows),
  );
}

export function hooksPage(): string {
  const overview = hookNames.map((name) => {
    const { says, refusal, fired } = hooks[name];
    return [
      `[${code(name)}](#${name})`,
      says,
      refusal ?? "_cannot be refused: a warning_",
      fired ? "yes" : "not yet",
    ];
  });
  return page(
    "Hooks",
    `A hook is a named point in the work of Ouroboros. At each one an event is published, and everyone who is to be
asked must answer before the work goes on: the scripts in \`hooks/<hook>/\` of the host, and every participant that was
added with \`ouroboros participant add\`. The answer is a verdict: \`proceed\`, \`refuse\` or \`defer\`. Any \`refuse\` wins
over any \`defer\`, which wins over \`proceed\`. What was refused is left alone until its image changes again, what was
deferred is tried again later.`,
    table(["Hook", "When", "What `refuse` or `defer` does", "Fired"], overview),
    SCRIPTS,
    `## An event

Events are [CloudEvents 1.0](https://github.com/cloudevents/spec) as JSON. This one is published on
\`${subjectOf("before_update")}\`:

\`\`\`json
${JSON.stringify(exampleEvent("before_update"), undefined, 2)}
\`\`\`

A verdict is published on \`verdictsubject\` with the participant's name filled in, as JSON
(\`{"verdict":"refuse","reason":"…"}\`, for \`defer\` also \`"retry_after_s":600\`) or as plain text (\`proceed\`, \`refuse: reason\`).
At \`updates_enumerated\` it may hold \`"containers": {"name": "refuse"}\` for single containers. Who needs longer than its
time limit publishes anything on \`progresssubject\` now and then. All events of a hook are heard on
\`${subjects.hooksOf(null, "before_update")}\`, all of a host on \`${subjects.hooksOf("web01", null)}\`.`,
    `In every event's \`data\`:\n\n${fieldsOf(EventContext)}`,
    `## A container\n\n${fieldsOf(ContainerPayload)}`,
    `## An image\n\n${fieldsOf(ImagePayload)}`,
    ...hookNames.map(hookSection),
  );
}

const SCRIPTS = `## Scripts

Files below \`hooks/<hook>/\` are run one after the other, sorted by path; those ending in \`.example\` are not.

- \`*.py\` see the hook's locals (below) as variables, as in Ouroboros 1. An exception is logged and the work goes on;
  \`refuse(reason)\` and \`defer(reason)\` answer otherwise.
- \`*.js\` and \`*.mjs\` export a default function \`(event, { signal, log }) => verdict | void\`.
- Any other executable file gets the event on standard input, and \`OUROBOROS_HOOK\`, \`OUROBOROS_HOST\`,
  \`OUROBOROS_EVENT_ID\` and \`OUROBOROS_CONTAINER_NAME\` in its environment.

Exit code 0 proceeds, 75 and 21 defer; any other, a signal or running out of time (\`HOOK_TIMEOUT\`) is a failed script,
which refuses unless \`HOOK_FAILURE\` is \`proceed\`.`;

function hookSection(name: HookName): string {
  const { says, refusal, fired, locals } = hooks[name];
  const rows = Object.entries<z.ZodType>(locals.shape).map(([local, schema]) => [
    code(local),
    kindOf(schema),
  ]);
  return [
    `## ${name}`,
    `${says}${fired ? "" : " **Fired: not yet.**"}`,
    refusal === null
      ? "It cannot be refused: the verdict is a warning."
      : `\`refuse\` or \`defer\`: ${refusal}.`,
    `Subject: \`${subjectOf(name)}\``,
    table(["Local", "What it is"], rows),
  ].join("\n\n");
}

/** How a local is told in words. */
function kindOf(schema: z.ZodType): string {
  if (schema === ContainerPayload) return "[a container](#a-container)";
  if (schema === ImagePayload) return "[an image](#an-image)";
  if (schema === Updateable) return "an update: `container`, `current_image`, `latest_image`";
  if (schema instanceof z.ZodArray) return `list; each is ${kindOf(schema.element as z.ZodType)}`;
  return "text";
}

const fieldsOf = (schema: z.ZodObject): string =>
  table(
    ["Field", "Type", "Meaning"],
    Object.entries<z.ZodType>(schema.shape).map(([name, field]) => [
      code(name),
      typeOf(z.toJSONSchema(field) as JsonSchema),
      field.description ?? "",
    ]),
  );

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly anyOf?: readonly JsonSchema[];
}

function typeOf(schema: JsonSchema): string {
  const { type = "any", items, properties, additionalProperties } = schema;
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map(code).join(", ");
  if (items) return `list of ${typeOf(items)}`;
  if (properties) return `{ ${Object.keys(properties).join(", ")} }`;
  if (additionalProperties) return `name → ${typeOf(additionalProperties)}`;
  return typeof type === "string" ? type : type.join(" or ");
}

const RUN = "01k6a3rv40q8zt5m2c7x9d4hnw";
const aboutOf = (name: HookName): string | null => (hooks[name].about === "run" ? null : "web");

const subjectOf = (name: HookName): string => {
  const container = aboutOf(name);
  return subjects.hook({ host: "web01", hook: name, container, event: eventId(RUN, name, container) });
};

/** An event of this hook as it would be on the wire. */
export function exampleEvent(name: HookName) {
  const container = aboutOf(name);
  return makeEvent({
    id: eventId(RUN, name, container),
    hook: name,
    service: name === "updates_enumerated" ? "poller" : "updater",
    container,
    time: "2026-03-01T04:00:00.000Z",
    context: {
      host: "web01",
      engine_id: "5f2c0f9e-6c0b-4a57-9d39-0c4b8e1f2a77",
      run: RUN,
      mode: "update",
      reason: "a newer image of nginx:1.29 is in the registry",
    },
    locals: Object.fromEntries(
      Object.entries<z.ZodType>(hooks[name].locals.shape).map(([local, schema]) => [
        local,
        sample(local, schema),
      ]),
    ) as never,
  });
}

function sample(local: string, schema: z.ZodType): unknown {
  if (schema === ContainerPayload) return sampleContainer(local.startsWith("new") ? "f" : "9");
  if (schema === ImagePayload) return sampleImage(/new|latest/.test(local) ? "c" : "a");
  if (schema === Updateable)
    return Object.fromEntries(
      Object.entries(Updateable.shape).map(([key, inner]) => [key, sample(key, inner)]),
    );
  if (schema instanceof z.ZodArray) return [sample(local, schema.element as z.ZodType)];
  return "ouroboros";
}

const hex = (digit: string): string => `${digit}4d1c0ffee${digit}7`.repeat(6).slice(0, 64);

const sampleContainer = (digit: string): ContainerPayload => ({
  id: hex(digit),
  short_id: hex(digit).slice(0, 12),
  name: "web",
  status: "running",
  image: "nginx:1.29",
  image_id: `sha256:${hex(digit === "f" ? "c" : "a")}`,
  labels: { "com.ouroboros.enable": "true" },
  created: "2026-02-01T10:00:00.000000000Z",
  networks: ["front"],
  ports: { "80/tcp": [{ host_ip: "0.0.0.0", host_port: "8080" }] },
  mounts: [{ type: "volume", source: "pages", destination: "/usr/share/nginx/html", rw: true }],
  health: "healthy",
});

const sampleImage = (digit: string): ImagePayload => ({
  id: `sha256:${hex(digit)}`,
  short_id: `sha256:${hex(digit).slice(0, 12)}`,
  tags: ["nginx:1.29"],
  digests: [`nginx@sha256:${hex(digit === "c" ? "d" : "b")}`],
  labels: {},
  created: "2026-02-28T10:00:00Z",
  size: 59_824_211,
});

const page = (title: string, ...parts: readonly string[]): string =>
  `<!-- Printed by \`npm run docs\` from a table in the code; edit that. -->\n\n# ${title}\n\n${parts.join("\n\n")}\n`;

const code = (text: string): string => `\`${text}\``;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
