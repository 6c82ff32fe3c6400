// The users of a NATS server, from the table of roles: the operator in the account of the streams, every other in an account
// of its own that imports the subjects of its rights and nothing else. What a user publishes beyond them, and every answer that
// it sends somewhere by a reply subject, stays in its account. A leaf node's user is in the account of the streams, because
// that is what the two servers share, with permissions. docs/decisions/0047 says more. Pure.
import { STORED } from "../shared/contract/subjects.ts";
import { permissionLines } from "./authorization-text.ts";
import { STREAMS_ACCOUNT, FILE_HEADER, type Identity, inboxPrefixOf } from "./server-config-text.ts";
import { type Permission, type Permissions, type User, roles, userName } from "./permissions.ts";

/**
 * In an account without JetStream the server answers on `$JS.API` itself, that there is none. So the API of APP is imported
 * under another name, and what clients send to `$JS.API` is mapped to it.
 */
export const IMPORTED_API = "ouroboros.js.API";

/** Where the server awaits the answers to what came by an import. */
const REPLIES = "_R_.>";

interface Account {
  readonly user: User;
  readonly identity: Identity;
  readonly rights: Permissions;
}

/** `accounts`; who is not listed may not connect. */
export function accountsText(users: readonly (readonly [User, Identity])[]): string {
  const operators = users
    .filter(([{ role }]) => role === "operator")
    .map(([, identity]) => inboxPrefixOf(identity));
  const all = users.map(([user, identity]): Account => {
    return { user, identity, rights: roles[user.role].rights(user.name, operators) };
  });
  const isOfApp = ({ user: { role } }: Account): boolean => role === "operator" || role === "leaf";
  const others = all.filter((one) => !isOfApp(one));
  return `${FILE_HEADER}\naccounts {\n${streamsAccountText(all.filter(isOfApp), others)}${others.map(accountText).join("")}}\n`;
}

/** What APP lets others use is what the table gives them, and no more. */
function streamsAccountText(own: readonly Account[], others: readonly Account[]): string {
  const sent = distinctSubjects(others.flatMap(({ rights }) => rights.publish));
  const heard = distinctSubjects(others.flatMap(({ rights }) => rights.subscribe));
  const services = sent.map(
    (subject) => `{ service: ${quoted(subject)}${isPull(subject) ? ", response_type: Stream" : ""} }`,
  );
  const streams = heard.map((subject) => `{ stream: ${quoted(importedStreamSubject(subject))} }`);
  const served = others.flatMap(({ user, rights }) =>
    rights.serves.map(
      ({ subject }) => `{ service: { account: ${quoted(userName(user))}, subject: ${quoted(subject)} } }`,
    ),
  );
  return blockText(STREAMS_ACCOUNT, [
    ["jetstream", "enabled"],
    ["users", listText(own.map(userText))],
    ["exports", listText([...services, ...streams])],
    ["imports", listText(served)],
  ]);
}

/** It is answered more than once. */
const isPull = (subject: string): boolean => subject.startsWith("$JS.API.CONSUMER.MSG.NEXT.");

function accountText(account: Account): string {
  const { publish, subscribe, serves } = account.rights;
  const sent = distinctSubjects(publish).map((subject) =>
    importText("service", subject, importedServiceSubject(subject)),
  );
  const heard = distinctSubjects(subscribe).map((subject) =>
    importText("stream", importedStreamSubject(subject), subject),
  );
  const served = serves.map(
    ({ subject }) =>
      `{ service: ${quoted(subject)}, accounts: [ ${STREAMS_ACCOUNT} ], response_threshold: "10m" }`,
  );
  return blockText(userName(account.user), [
    ["users", listText([userText(account)])],
    ["mappings", `{ "$JS.API.>": "${IMPORTED_API}.>" }`],
    ["exports", listText(served)],
    ["imports", listText([...sent, ...heard])],
  ]);
}

const importedServiceSubject = (subject: string): string =>
  subject.replace(/^\$JS\.API\./, `${IMPORTED_API}.`);

/**
 * A message that comes to APP by an import is not passed on to who listens in other accounts; what a stream stores is
 * published once more. A bucket's entries that are listened to are written in APP itself.
 */
const importedStreamSubject = (subject: string): string =>
  subject.startsWith("$KV.") ? subject : `${STORED}.${subject}`;

const importText = (kind: "service" | "stream", subject: string, as: string): string =>
  `{ ${kind}: { account: ${STREAMS_ACCOUNT}, subject: ${quoted(subject)} }${as === subject ? "" : `, to: ${quoted(as)}`} }`;

const userText = ({ user, identity, rights }: Account): string => {
  const who = Object.entries(identity).map(([field, value]) => `${field}: ${quoted(value)}`);
  if (user.role === "leaf")
    who.push(`permissions: {\n${permissionLines({ identity, rights, answers: [REPLIES] })}      }`);
  return `{ ${who.join(", ")} }  # ${roles[user.role].says}`;
};

const quoted = (text: string): string => JSON.stringify(text);
const distinctSubjects = (rights: readonly Permission[]): string[] => [
  ...new Set(rights.map(({ subject }) => subject)),
];
const listText = (lines: readonly string[]): string =>
  lines.length === 0 ? "[]" : `[\n${lines.map((line) => `      ${line}\n`).join("")}    ]`;
const blockText = (name: string, fields: readonly (readonly [string, string])[]): string =>
  `  ${quoted(name)} {\n${fields.map(([field, text]) => `    ${field}: ${text}\n`).join("")}  }\n`;
