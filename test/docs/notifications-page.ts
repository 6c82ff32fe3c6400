/** docs/notifications.md: the kinds and the texts, from the tables that the notifier works by. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { notificationKindNames, notificationKinds } from "../../shared/contract/notification-kinds.ts";
import { templateNames } from "../../services/notifier/templates.ts";
import { block, code, page, table } from "./markdown.ts";

const TEMPLATES = join(import.meta.dirname, "../../../services/notifier/templates/en");

const SAYS: Readonly<Record<(typeof templateNames)[number], string>> = {
  startup: "the notifier has started",
  run: "how a run ended for its containers, or what it found",
  alert: "what needs a person",
  digest: "everything since the last digest, or what waited while a target was away",
  test: "`ouroboros notify test`",
};

export const notificationsPage = (): string =>
  page(
    "Notifications",
    `The notifier tells people how updates end, what waits for an answer, and what is wrong: by mail, chat or push, by
[Apprise](https://github.com/caronc/apprise), which is in the image. It reads events and holds up nothing.

    NOTIFIERS="mailto://user:password@example.com ntfy://topic" ouroboros
    ouroboros notify test

In the single container it starts by itself where \`NOTIFIERS\` is set. With compose.yaml it is a service of its own: put
\`NOTIFIERS\` (or \`NOTIFIERS_FILE\`) and \`COMPOSE_PROFILES=notifier\` into \`.env\`. For many hosts one notifier is enough: it runs
where the NATS of all of them is. Several share the work, and send each message once; give all of them the same \`NOTIFIERS\`.

\`APPRISE_API_URL\` has a running [apprise-api](https://github.com/caronc/apprise-api) send the messages in place of Apprise
itself, by its stateless call \`POST /notify\`. That is tried against a receiver that checks the documented request, not against
apprise-api itself.

## What is reported, and how soon

${table(
  ["Kind", "When, by default", "What has happened"],
  notificationKindNames.map((kind) => [
    code(kind),
    code(notificationKinds[kind].byDefault),
    notificationKinds[kind].says,
  ]),
)}

\`NOTIFY\` changes that: \`NOTIFY="updated=digest refused=now startup=never"\`, or \`NOTIFY="*=digest stuck=now waiting=now"\`.

- \`now\`: at once.
- \`run\`: when the run is over, all of it in one message.
- \`digest\`: at the times of \`NOTIFY_DIGEST\` (\`0 8 * * *\`, in the time zone \`TZ\`), one message for all hosts.
- \`never\`: not at all.

\`ouroboros snooze web --for 7d\` silences the messages about a container, or an image, on all hosts; \`ouroboros snooze\` lists what
is silenced. What needs a person is reported all the same: \`stuck\` and \`waiting\`; so is what concerns a registry or a host.

## What is lost, and what comes twice

A message is kept in NATS from the moment its event is acknowledged until the target has taken it. While a target is away it is tried
again, at first within half a minute and at last every 15 minutes; where more than five messages have piled up by then they come as
one summary. A target that takes nothing for three days loses what waited for it: \`ouroboros status\` says so for a week, and
why, as it does while the target is away. At most 300 notifications wait for a target; a summary says how many older ones were
dropped. A notifier that is killed right after a delivery, before it has noted it, or that cannot note it for half a
minute because NATS is away, delivers that message once more. What happened before the notifier's first start is not reported. The
server removes the consumers of a notifier that was away for more than a week: what happened meanwhile is not reported either, and on
a NATS with users \`ouroboros nats-config prepare\` has to make them again, which \`docker compose up\` does.

A wait for an answer is reported after \`NOTIFY_WAITING\`; the message names who has to answer and the command that decides.
Only participants count, scripts do not.

## Texts

In English or, with \`LANGUAGE=es_ES\`, in Spanish; times in the zone \`TZ\`; \`HOSTNAME\` is the name of the host where there is only
one. Each text is a [Liquid](https://liquidjs.com/) template whose first line is the title; one that comes out empty sends nothing. A
file of the same name in the folder \`NOTIFY_TEMPLATES\` replaces it (mount that folder into the container), and is checked at the
start; where one fails later, the built-in text is used and the log says why:

${templateNames.map((name) => `- \`${name}.liquid\`: ${SAYS[name]}`).join("\n")}
- \`sentence.liquid\`: one notification, in the others

This is \`run.liquid\`:

${block("liquid", readFileSync(join(TEMPLATES, "run.liquid"), "utf8"))}

\`updated\`, \`found\`, \`others\` and \`all\` are lists of notifications with \`kind\`, \`host\`, \`name\`, \`image\`, \`from\`, \`to\`,
\`from_version\`, \`to_version\`, \`versions\`, \`because\`, \`by\`, \`hook\`, \`event\`, \`who\`, \`containers\` and \`time\`, as far as each has them.
\`rolled_back_by_operator\` lists those of \`others\` that \`ouroboros rollback\` brought about; \`total\` does not count them.

## What Apprise gets to see

The URLs of \`NOTIFIERS\` reach Apprise over standard input; they are on no command line, in no log and in no event. Where a target is
named, in the log or by \`ouroboros status\`, it is its scheme: \`mailto (1 of 2)\`. The reasons and names in a message are text to
Apprise, never markup. What is too long for a service is split, unless the URL says \`overflow=\` itself.`,
  );
