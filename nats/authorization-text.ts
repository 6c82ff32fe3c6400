// The users of a NATS server in a folder that an earlier version wrote: all in one account, each with the permissions of the
// table of roles. Pure.
import { FILE_HEADER, type Identity, inboxPrefixOf } from "./server-config-text.ts";
import {
  type Permission,
  type Permissions,
  type User,
  inboxSubject,
  roles,
  userName,
} from "./permissions.ts";

/** `authorization`: one user for each line of work; who is not listed may not connect. */
export function authorizationText(
  users: readonly (readonly [User, Identity])[],
  askersAtHub: readonly string[] = [],
): string {
  const inboxes = (...asking: readonly User["role"][]) =>
    users.filter(([{ role }]) => asking.includes(role)).map(([, identity]) => inboxPrefixOf(identity));
  const atHub = inboxes("operator", "participant");
  const lines = users.map(([user, identity]) => {
    const rights = roles[user.role].rights(user.name, atHub);
    const askers = [...inboxes("operator", "poller", "updater"), ...askersAtHub];
    const answers = rights.serves.length > 0 ? askers.map(inboxSubject) : [];
    return userText(user, { identity, rights, answers });
  });
  return `${FILE_HEADER}\nauthorization {\n  users: [\n${lines.join("")}  ]\n}\n`;
}

interface PermittedUser {
  readonly identity: Identity;
  readonly rights: Permissions;
  /** Where it may answer, beyond its rights. */
  readonly answers: readonly string[];
}

function userText(user: User, permitted: PermittedUser): string {
  const who = Object.entries(permitted.identity).map(
    ([field, value]) => `${field}: ${JSON.stringify(value)}`,
  );
  return `    # ${userName(user)}: ${roles[user.role].says}\n    { ${who.join(", ")}, permissions: {\n${permissionLines(permitted)}    } }\n`;
}

/** Without `allow_responses`, which would let a user answer a request of its own on any subject. */
export function permissionLines({
  identity,
  rights: { publish, subscribe, serves },
  answers,
}: PermittedUser): string {
  const sent = [...subjectsOf([...publish, ...serves.filter(({ own }) => own)]), ...answers];
  const heard = [...subjectsOf([...subscribe, ...serves]), inboxSubject(inboxPrefixOf(identity))];
  const lines = [
    sent.length === 0 ? 'publish: { deny: [ ">" ] }' : `publish: { allow: ${listOf(sent)} }`,
    `subscribe: { allow: ${listOf(heard)} }`,
  ];
  return lines.map((line) => `      ${line}\n`).join("");
}

const subjectsOf = (rights: readonly Permission[]): string[] => rights.map(({ subject }) => subject);
const listOf = (subjects: readonly string[]): string =>
  `[\n${[...new Set(subjects)].map((subject) => `        ${JSON.stringify(subject)}\n`).join("")}      ]`;
