// Prints the accounts and users of a NATS server from the table of roles. The operator is in the account of the
// streams; every other user has an account of its own, which imports the subjects of its permissions and nothing
// else. Whatever else it publishes, and every answer that it directs elsewhere by a reply subject, stays in that
// account. The user of a leaf node is in the account of the streams, which the two servers share, and has permissions
// instead. See docs/decisions/0047. Pure.
import { STORED } from "../shared/contract/subjects.ts";
import { permissionLines } from "./authorization-text.ts";
import { STREAMS_ACCOUNT, FILE_HEADER, type Identity, inboxPrefixOf } from "./server-config-text.ts";
import { type Permission, type Permissions, type User, roles, userName } from "./permissions.ts";

/**
 * In an account without JetStream the server itself answers on `$JS.API` that there is none. So the API of the
 * account of the streams is imported under another name, and requests to `$JS.API` are mapped to that name.
 */
export const IMPORTED_API = "ouroboros.js.API";

/** The subjects on which the server receives the answers to imported requests. */
export const REPLIES = "_R_.>";

interface Account {
  readonly user: User;
  readonly identity: Identity;
  readonly rights: Permissions;
}

/** The block `accounts`; users that are not in it cannot connect. */
export function accountsText(users: readonly (readonly [User, Identity])[]): string {
  const operators = users
    .filter(([{ role }]) => role === "operator")
    .map(([, identity]) => inboxPrefixOf(identity));
  const all = users.map(([user, identity]): Account => {
    return { user, identity, rights: roles[user.role].rights(user.name, operators) };
  });
  const isInStreamsAccount = ({ user: { role } }: Account): boolean => role === "operator" || role === "leaf";
  const others = all.filter((account) => !isInStreamsAccount(account));
  const streamsAccount = streamsAccountText(all.filter(isInStreamsAccount), others);
  return `${FILE_HEADER}\naccounts {\n${streamsAccount}${others.map(accountText).join("")}}\n`;
}

/** The account of the streams exports exactly the subjects that the table gives to the other users. */
function streamsAccountText(own: readonly Account[], others: readonly Account[]): string {
  const published = distinctSubjects(others.flatMap(({ rights }) => rights.publish));
  const subscribed = distinctSubjects(others.flatMap(({ rights }) => rights.subscribe));
  const services = published.map(
    (subject) => `{ service: ${quoted(subject)}${isPull(subject) ? ", response_type: Stream" : ""} }`,
  );
  const streams = subscribed.map((subject) => `{ stream: ${quoted(importedStreamSubject(subject))} }`);
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

/** Whether requests on the subject get several answers: the messages of a pull. */
const isPull = (subject: string): boolean => subject.startsWith("$JS.API.CONSUMER.MSG.NEXT.");

function accountText(account: Account): string {
  const { publish, subscribe, serves } = account.rights;
  const published = distinctSubjects(publish).map((subject) =>
    importText("service", subject, importedServiceSubject(subject)),
  );
  const subscribed = distinctSubjects(subscribe).map((subject) =>
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
    ["imports", listText([...published, ...subscribed])],
  ]);
}

const importedServiceSubject = (subject: string): string =>
  subject.replace(/^\$JS\.API\./, `${IMPORTED_API}.`);

/**
 * A message that reaches the account of the streams by an import is not passed on to subscribers in other accounts,
 * so users subscribe to what the streams republish. The bucket entries that users watch are written in the account of
 * the streams.
 */
const importedStreamSubject = (subject: string): string =>
  subject.startsWith("$KV.") ? subject : `${STORED}.${subject}`;

const importText = (kind: "service" | "stream", subject: string, as: string): string =>
  `{ ${kind}: { account: ${STREAMS_ACCOUNT}, subject: ${quoted(subject)} }${as === subject ? "" : `, to: ${quoted(as)}`} }`;

const userText = ({ user, identity, rights }: Account): string => {
  const fields = Object.entries(identity).map(([field, value]) => `${field}: ${quoted(value)}`);
  if (user.role === "leaf")
    fields.push(`permissions: {\n${permissionLines({ identity, rights, answers: [REPLIES] })}      }`);
  return `{ ${fields.join(", ")} }  # ${roles[user.role].says}`;
};

const quoted = (text: string): string => JSON.stringify(text);
const distinctSubjects = (rights: readonly Permission[]): string[] => [
  ...new Set(rights.map(({ subject }) => subject)),
];
const listText = (lines: readonly string[]): string =>
  lines.length === 0 ? "[]" : `[\n${lines.map((line) => `      ${line}\n`).join("")}    ]`;
const blockText = (name: string, fields: readonly (readonly [string, string])[]): string =>
  `  ${quoted(name)} {\n${fields.map(([field, text]) => `    ${field}: ${text}\n`).join("")}  }\n`;
