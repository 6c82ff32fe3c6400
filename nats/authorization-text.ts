// Prints the users of a NATS server for a folder that an earlier version wrote: all users share one account, and each
// has the permissions of the table of roles. accounts-text.ts is for new folders. Pure.
import { FILE_HEADER, type Identity, inboxPrefixOf } from "./server-config-text.ts";
import {
  type Permission,
  type Permissions,
  type User,
  inboxSubject,
  roles,
  userName,
} from "./permissions.ts";

/**
 * The block `authorization`; users that are not in it cannot connect. `inboxesOfHub`: the subjects on which users at the
 * hub of this leaf node receive answers.
 */
export function authorizationText(
  users: readonly (readonly [User, Identity])[],
  inboxesOfHub: readonly string[] = [],
): string {
  const inboxes = (...roleNames: readonly User["role"][]) =>
    users.filter(([{ role }]) => roleNames.includes(role)).map(([, identity]) => inboxPrefixOf(identity));
  const inboxesAtHub = inboxes("operator", "participant", "observer");
  const lines = users.map(([user, identity]) => {
    const rights = roles[user.role].rights(user.name, inboxesAtHub);
    const askers = inboxes("operator", "poller", "updater", "observer").map(inboxSubject);
    const answers = rights.serves.length > 0 ? [...askers, ...inboxesOfHub] : [];
    return userText(user, { identity, rights, answers });
  });
  return `${FILE_HEADER}\nauthorization {\n  users: [\n${lines.join("")}  ]\n}\n`;
}

interface PermittedUser {
  readonly identity: Identity;
  readonly rights: Permissions;
  /** Subjects on which it may answer, in addition to its rights. */
  readonly answers: readonly string[];
}

function userText(user: User, permitted: PermittedUser): string {
  const fields = Object.entries(permitted.identity).map(
    ([field, value]) => `${field}: ${JSON.stringify(value)}`,
  );
  return `    # ${userName(user)}: ${roles[user.role].says}\n    { ${fields.join(", ")}, permissions: {\n${permissionLines(permitted)}    } }\n`;
}

/**
 * Does not use `allow_responses`, which would let a user publish on any subject by answering a request of its own.
 */
export function permissionLines({
  identity,
  rights: { publish, subscribe, serves },
  answers,
}: PermittedUser): string {
  const publishable = [...subjectsOf([...publish, ...serves.filter(({ own }) => own)]), ...answers];
  const subscribable = [...subjectsOf([...subscribe, ...serves]), inboxSubject(inboxPrefixOf(identity))];
  const lines = [
    publishable.length === 0 ? 'publish: { deny: [ ">" ] }' : `publish: { allow: ${listOf(publishable)} }`,
    `subscribe: { allow: ${listOf(subscribable)} }`,
  ];
  return lines.map((line) => `      ${line}\n`).join("");
}

const subjectsOf = (rights: readonly Permission[]): string[] => rights.map(({ subject }) => subject);
const listOf = (subjects: readonly string[]): string =>
  `[\n${[...new Set(subjects)].map((subject) => `        ${JSON.stringify(subject)}\n`).join("")}      ]`;
