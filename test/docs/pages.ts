/** The pages of docs/ that are printed from tables in the code: `npm run docs` writes them, a test compares them. */
import { foreignLabels } from "../../shared/settings/foreign-labels.ts";
import {
  EventContext,
  type NoticeName,
  hookNames,
  hooks,
  noticeNames,
  notices,
} from "../../shared/contract/hooks.ts";
import { labels } from "../../shared/settings/labels.ts";
import { containerPayload, imagePayload, servicePayload } from "../../shared/contract/payloads.ts";
import { settings } from "../../shared/settings/settings.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { asyncapi } from "./asyncapi.ts";
import { commandsPage } from "./commands-page.ts";
import { cookbookPage } from "./cookbook-page.ts";
import { errorsPage } from "./errors-page.ts";
import { hookPage } from "./hook-page.ts";
import { block, code, fieldsOf, json, page, table } from "./markdown.ts";
import { examplesOf } from "../services/hook-executor/hook-readmes.ts";
import { exampleEvent, subjectOf } from "./example-event.ts";
import { messages, schemaOf } from "./schemas.ts";
import { notificationsPage } from "./notifications-page.ts";
import { metricsPage } from "./metrics-page.ts";
import { parityPage } from "./parity-page.ts";
import { securityPage } from "./security-page.ts";

/** File name in docs/ → its text. */
export const pages = (): Readonly<Record<string, string>> => ({
  "configuration.md": configurationPage(),
  "labels.md": labelsPage(),
  "commands.md": commandsPage(),
  "hooks.md": hooksPage(),
  "security.md": securityPage(),
  "parity.md": parityPage(),
  "notifications.md": notificationsPage(),
  "metrics.md": metricsPage(),
  "errors.md": errorsPage(),
  ...Object.fromEntries(hookNames.map((name) => [`hooks/${name}.md`, hookPage(name)])),
  ...Object.fromEntries(
    Object.entries(messages).map(([name, schema]) => [`schemas/${name}.json`, `${json(schemaOf(schema))}\n`]),
  ),
  "cookbook.md": cookbookPage(),
  "asyncapi.json": `${json(asyncapi())}\n`,
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
A variable takes precedence over a flag; an empty variable counts as not set. \`NAME_FILE\` gives the value of \`NAME\`
from a file, for secrets. Lists are separated by blanks, quotes around a value are dropped. A duration is a number of
seconds, or a number with \`ms\`, \`s\`, \`m\`, \`h\`, \`d\` or \`w\`.

If values are wrong, the program does not start; it lists each of them with what is allowed.`,
    table(["Variable", "Flags", "By default", "Meaning"], rows),
  );
}

/** Labels that do not count where they are the image's. */
const reaching = (): string =>
  Object.entries<{ readonly says: string; readonly reaches?: unknown }>({ ...labels, ...foreignLabels })
    .filter(([, { reaches }]) => reaches !== undefined)
    .map(([name, { reaches }]) => (reaches === true ? code(name) : `${code(name)} other than \`exec:\``))
    .join(", ");

export function labelsPage(): string {
  const rows = Object.entries(labels).map(([name, { says }]) => [code(name), says]);
  return page(
    "Labels",
    `Labels set options for one container. A label takes effect at the next check. The Engine changes the labels of no container
that is there: a changed label needs the container to be recreated, as \`docker compose up -d\` does.

The Engine shows the labels of an image as the container's own. A label that affects more than the container itself (${reaching()}) therefore
counts only if its value differs from the one in the container's image: then the container's owner has set it. The log names
the labels that do not count, once. To accept what the image asks for, set the label on the container with a blank before
the value (\`" db"\`): it means the same and is yours.`,
    table(["Label", "Meaning"], rows),
    `## Labels of other updaters

They are understood where COMPAT_LABELS names their owner; the labels of Ouroboros count first. Where it does not, what keeps its owner
from updating a container (\`enable\` or \`wud.watch\` set to \`false\`, \`monitor-only\` to \`true\`) keeps Ouroboros from it, too, unless MONITOR
names the container.`,
    table(
      ["Label", "With COMPAT_LABELS", "Meaning"],
      Object.entries(foreignLabels).map(([name, { of, says }]) => [code(name), code(of), says]),
    ),
  );
}

export function hooksPage(): string {
  const overview = hookNames.map((name) => {
    const { says, refusal, fired } = hooks[name];
    return [
      `[${code(name)}](hooks/${name}.md)`,
      says,
      refusal ?? "_cannot be refused: a warning_",
      fired ? "yes" : "not yet",
    ];
  });
  return page(
    "Hooks",
    `A hook is a named point in the work of Ouroboros. At each one an event is published, and each of these must answer before the work goes on: the scripts in \`hooks/<hook>/\` of the host, and every participant that was
added with \`ouroboros participant add\`. The answer is a verdict: \`proceed\`, \`refuse\` or \`defer\`. Any \`refuse\` wins
over any \`defer\`, which wins over \`proceed\`. What was refused is left alone until its image changes again, what was
deferred is tried again later. [contract.md](contract.md) says what may be relied on; each hook has a page of its own.`,
    table(["Hook", "When", "What `refuse` or `defer` does", "Fired"], overview),
    SCRIPTS,
    `## An event

Events are [CloudEvents 1.0](https://github.com/cloudevents/spec) as JSON. This one is published on
\`${subjectOf("before_update")}\`:

${block("json", json(exampleEvent("before_update")))}

A verdict is published on \`verdictsubject\` with the participant's name filled in, as JSON
(\`{"verdict":"refuse","reason":"…"}\`, for \`defer\` also \`"retry_after_s":600\`) or as plain text (\`proceed\`, \`refuse: reason\`).
At \`updates_enumerated\` it may hold \`"containers": {"name": "refuse"}\` for single containers. Who needs longer than its
time limit publishes anything on \`progresssubject\` now and then. Subscribe to
\`${subjects.hooksOf(null, "before_update")}\` for all events of a hook, to \`${subjects.hooksOf("web01", null)}\` for all of a host.`,
    `In every event's \`data\`:\n\n${fieldsOf(EventContext.shape)}`,
    `## A container\n\n${fieldsOf(containerPayload().shape)}`,
    `## A service\n\nWith SWARM ([services of a swarm](swarm.md)).\n\n${fieldsOf(servicePayload().shape)}`,
    `## An image\n\n${fieldsOf(imagePayload().shape)}`,
    NOTICES,
    ...noticeNames.map(noticeSection),
  );
}

const noticeSection = (name: NoticeName): string =>
  [
    `### ${name}`,
    `${notices[name].says} Subscribe to \`${subjects.hooksOf(null, name)}\` for all of them. Its schema: [${name}.json](schemas/${name}.json).`,
    fieldsOf(notices[name].data.shape),
    `Examples: ${examplesOf(name)
      .map((file) => `[${file}](../hooks/${name}/${file})`)
      .join(", ")}.`,
  ].join("\n\n");

const NOTICES = `## Notices

What is over, or has happened at a registry, is published on the same stream. A notice needs no answer: it has no \`verdictsubject\`, and nobody is
waited for. It is published once, also if the updater was killed in between. These hear it:

- **Scripts** in \`hooks/update_finished/\`, \`hooks/run_finished/\` and \`hooks/tag_moved/\`, as above. What they answer decides nothing; a
  failure is a warning in the log. One notice comes after the other, in the order of publishing, so a script that
  hangs delays the next notice until \`HOOK_TIMEOUT\`, and no update. Each comes at least once: after a restart of the
  hook-executor the scripts of the notice it had in hand run again, under the same \`OUROBOROS_EVENT_ID\`. What is over
  for more than an hour is skipped, with a line in the log.
- **Participants**, and so an [HTTP endpoint](webhook.md), that were added with \`--hears\`, at least once, from the consumer
  \`notices_NAME\` of \`OUROBOROS_HOOKS\`.
- Watchers and readers: [contract.md](contract.md).

Ends of \`mode\` \`dry_run\` and \`monitor\` are published too: \`noted\`.`;

const SCRIPTS = `## Scripts

Files below \`hooks/<hook>/\` are run one after the other, sorted by path; those ending in \`.example\` are not.

- \`*.py\` see the hook's locals (below) as variables, as in Ouroboros 1. An exception is logged and the work goes on;
  \`refuse(reason)\` and \`defer(reason)\` answer otherwise.
- \`*.js\` and \`*.mjs\` export a default function \`(event, { signal, log }) => verdict | void\`.
- Any other executable file gets the event on standard input, and \`OUROBOROS_HOOK\`, \`OUROBOROS_HOST\`,
  \`OUROBOROS_EVENT_ID\` and \`OUROBOROS_CONTAINER_NAME\` in its environment.

Exit code 0 proceeds, 75 and 21 defer; any other, a signal or running out of time (\`HOOK_TIMEOUT\`) is a failed script,
which refuses unless \`HOOK_FAILURE\` is \`proceed\`.`;
