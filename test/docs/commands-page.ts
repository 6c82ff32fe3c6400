/** docs/commands.md: every command, from the table of commands. */
import { type CommandOutput, commandOutputs } from "../../cli/output/command-outputs.ts";
import * as z from "zod";
import { type Command, EXIT } from "../../cli/framework/command.ts";
import { allOptionsOf } from "../../cli/framework/command-line.ts";
import { type CommandName, commandNames, commands } from "../../cli/framework/command-table.ts";
import { services } from "../../cli/framework/service-table.ts";
import { optionSpelling, usageLine } from "../../cli/framework/usage.ts";
import { CloudEvent, Notice } from "../../shared/contract/messages.ts";
import { block, code, fieldsOf, page, table } from "./markdown.ts";

export const commandsPage = (): string =>
  page(
    "Commands",
    `\`ouroboros\` without a command runs all services; the services can also be run one by one:`,
    table(
      ["Service", "What it does"],
      Object.entries(services).map(([name, says]) => [code(`ouroboros ${name}`), says]),
    ),
    `Everything else is for the operator, who asks and decides over NATS:`,
    table(
      ["Command", "What it does"],
      commandNames.map((name) => [`[${code(name)}](#${name.replaceAll(" ", "-")})`, commands[name].says]),
    ),
    HOW_TO_CALL_IT,
    `## Output

For people by default: tables, times relative to now, colour on a terminal unless \`NO_COLOR\` is set. With \`-o json\` one
JSON document on standard output, for lists an array; \`events\` prints one document on each line. The fields are listed with
each command; fields may be added, none is taken away. Complaints go to standard error.`,
    `## Exit codes

${table(
  ["Code", "Meaning"],
  Object.values(EXIT).map(({ code, says }) => [String(code), says]),
)}

A service, and \`ouroboros\` without a command, end with 0 when they are stopped and with 1 where they cannot start or a
service failed. With \`RUN_ONCE\`: 0; 1 if an update failed or was rolled back, or a registry gave no answer for an image; 2 if
a container is left \`stuck\` and a person is needed; 3 if it was stopped, or RUN_ONCE_TIMEOUT was over, before all was done: the next start finishes it.`,
    `## Completion

\`ouroboros completion\` prints what ${code("bash")}, ${code("zsh")} or ${code("fish")} needs; hosts, containers,
participants and pending events are asked for as you type.`,
    ...commandNames.map(section),
  );

const CALLS: readonly (readonly [setUp: string, call: string])[] = [
  ["one container, `docker run --name ouroboros`", "docker exec ouroboros ouroboros status"],
  ["compose", "docker compose exec updater ouroboros status"],
  [
    "compose with compose.secure.yaml",
    "OUROBOROS_HOST=home docker compose -f compose.yaml -f compose.secure.yaml exec updater ouroboros status",
  ],
  ["a clone, beside `npm start`", "npx ouroboros status"],
  [
    "another machine, with the keys of `nats-config write`",
    'docker run --rm -v "$PWD/secure:/secure:ro" -e NATS_URL=tls://nats.example.com:4222 -e NATS_CA=/secure/ca.pem ' +
      "-e NATS_NKEY_FILE=/secure/users/operator.nk ghcr.io/ouroboros-updater/ouroboros:2 status",
  ],
];

const HOW_TO_CALL_IT = `## How to call it

These pages write \`ouroboros status\` for short. In each set-up ([install](install.md)) it is called like this:

${table(
  ["Set-up", "Call"],
  CALLS.map(([setUp, call]) => [setUp, code(call)]),
)}

With \`COMPOSE_FILE=compose.yaml:compose.secure.yaml\` and \`OUROBOROS_HOST\` in \`.env\` the secure set-up is called as compose is.

Commands read \`NATS_URL\` and the other settings of NATS from the environment, as the services do
([configuration](configuration.md)). Without \`NATS_URL\` they look into \`DATA_DIR\` for the private NATS of an Ouroboros
that runs beside them. Its address and key are in \`DATA_DIR/nats/access.json\` for as long as it runs; only the user that
Ouroboros runs as can read that file.`;

function section(name: CommandName): string {
  const command: Command = commands[name];
  const rows = [
    ...Object.entries(command.arguments ?? {}).map(([word, { says }]) => [code(word), says]),
    ...Object.entries(allOptionsOf(command))
      .filter(([option]) => option !== "help")
      .map(([option, it]) => [
        code(optionSpelling(option, it)),
        `${it.says}${it.byDefault ? ` ${code(it.byDefault)} by default.` : ""}`,
      ]),
  ];
  return [
    `## ${name}`,
    `${command.says}${command.more === undefined ? "" : ` ${command.more}`}`,
    block("", usageLine(name)),
    ...(rows.length === 0 ? [] : [table(["", "Meaning"], rows)]),
    ...(command.json === undefined ? [] : [jsonSection(commandOutputs[name as keyof typeof commandOutputs])]),
  ].join("\n\n");
}

/** What `-o json` prints. */
function jsonSection({ schema, lines }: CommandOutput): string {
  const how = lines ? "on each line" : schema instanceof z.ZodArray ? "a list of" : "one document";
  const of = schema instanceof z.ZodArray ? (schema.element as z.ZodType) : schema;
  const shapes = of instanceof z.ZodUnion ? (of.options as readonly z.ZodType[]) : [of];
  return [`With \`-o json\`: ${how}`, ...shapes.map(shapeOf).filter((text) => text !== "")].join("\n\n");
}

function shapeOf(schema: z.ZodType): string {
  if (schema === CloudEvent) return "an event or a notice, as [hooks](hooks.md) describes them, or";
  if (schema === Notice) return "";
  if (!(schema instanceof z.ZodObject)) return "";
  const inner = Object.entries<z.ZodType>(schema.shape).flatMap(([field, value]) => {
    const within = value instanceof z.ZodArray ? (value.element as z.ZodType) : value;
    return within instanceof z.ZodObject ? [`In \`${field}\`:\n\n${fieldsOf(within.shape, "hooks.md")}`] : [];
  });
  return [fieldsOf(schema.shape, "hooks.md"), ...inner].join("\n\n");
}
