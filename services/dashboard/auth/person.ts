// Who uses the page, and what they may. Pure.
import {
  type DashboardRole,
  type RoleGrant,
  dashboardRoleNames,
} from "../../../shared/settings/dashboard-settings.ts";

export interface Person {
  /** Stands in the journal with what they decide. */
  readonly name: string;
  readonly role: DashboardRole;
}

export const mayAct = ({ role }: Person, needed: DashboardRole): boolean =>
  dashboardRoleNames.indexOf(role) >= dashboardRoleNames.indexOf(needed);

/** The highest role that is granted; undefined where there is none. */
export function roleOf(
  { name, groups }: { readonly name: string; readonly groups: readonly string[] },
  grants: readonly RoleGrant[],
): DashboardRole | undefined {
  const given = grants.filter(
    ({ to }) => to.kind === "all" || (to.kind === "user" ? to.name === name : groups.includes(to.name)),
  );
  return dashboardRoleNames.findLast((role) => given.some((grant) => grant.role === role));
}

const MAX_NAME = 100;

/** A name as it may stand in a log, in the journal and on terminals; undefined where nothing is left of it. */
export function readPersonName(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  const name = text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_NAME);
  return name === "" ? undefined : name;
}
