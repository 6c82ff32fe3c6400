// The users of a NATS server in a folder that an earlier version wrote: all in one account, each with the permissions of the
// table of roles. Pure.
import { HEAD, type Identity, identityOf } from "./nats-server-text.ts";
import { type Right, type Rights, type User, inboxOf, roles, userName } from "./rights.ts";

/** `authorization`: one user for each line of work; who is not listed may not connect. */
export function permissionsText(
  users: readonly (readonly [User, Identity])[],
  askersAtHub: readonly string[] = [],
): string {
  const inboxes = (...asking: readonly User["role"][]) =>
    users.filter(([{ role }]) => asking.includes(role)).map(([, identity]) => identityOf(identity));
  const atHub = inboxes("operator", "participant");
  const lines = users.map(([user, identity]) => {
    const rights = roles[user.role].rights(user.name, atHub);
    const askers = [...inboxes("operator", "poller", "updater"), ...askersAtHub];
    const answers = rights.serves.length > 0 ? askers.map(inboxOf) : [];
    return userText(user, { identity, rights, answers });
  });
  return `${HEAD}\nauthorization {\n  users: [\n${lines.join("")}  ]\n}\n`;
}

interface Permitted {
  readonly identity: Identity;
  readonly rights: Rights;
  /** Where it may answer, beyond its rights. */
  readonly answers: readonly string[];
}

function userText(user: User, permitted: Permitted): string {
  const who = Object.entries(permitted.identity).map(
    ([field, value]) => `${field}: ${JSON.stringify(value)}`,
  );
  return `    # ${userName(user)}: ${roles[user.role].says}\n    { ${who.join(", ")}, permissions: {\n${permissionsOf(permitted)}    } }\n`;
}

/** Without `allow_responses`, which would let a user answer a request of its own on any subject. */
export function permissionsOf({
  identity,
  rights: { publish, subscribe, serves },
  answers,
}: Permitted): string {
  const sent = [...subjectsOf([...publish, ...serves.filter(({ own }) => own)]), ...answers];
  const heard = [...subjectsOf([...subscribe, ...serves]), inboxOf(identityOf(identity))];
  const lines = [
    sent.length === 0 ? 'publish: { deny: [ ">" ] }' : `publish: { allow: ${listOf(sent)} }`,
    `subscribe: { allow: ${listOf(heard)} }`,
  ];
  return lines.map((line) => `      ${line}\n`).join("");
}

const subjectsOf = (rights: readonly Right[]): string[] => rights.map(({ subject }) => subject);
const listOf = (subjects: readonly string[]): string =>
  `[\n${[...new Set(subjects)].map((subject) => `        ${JSON.stringify(subject)}\n`).join("")}      ]`;
