// Parses who may do what on the dashboard: DASHBOARD_TOKENS and DASHBOARD_ROLES. Pure.
import * as z from "zod";

/** Each may do what those before it may. */
export const dashboardRoleNames = ["viewer", "approver", "operator"] as const;
export type DashboardRole = (typeof dashboardRoleNames)[number];

const Role = z.enum(dashboardRoleNames);

export interface DashboardToken {
  readonly name: string;
  readonly role: DashboardRole;
  readonly token: string;
}

/** Who has the role: everybody, the members of a group, or one user. */
export interface RoleGrant {
  readonly role: DashboardRole;
  readonly to: { readonly kind: "all" } | { readonly kind: "group" | "user"; readonly name: string };
}

const MIN_TOKEN_LENGTH = 24;
const NAME = /^[^\s:]{1,64}$/;

const wordsIn = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** No message names a token. */
export const dashboardTokens = z.string().transform((given, context): readonly DashboardToken[] => {
  const tokens = wordsIn(given).map((word): DashboardToken => {
    const [name = "", role = "", ...rest] = word.split(":");
    const read = Role.safeParse(role);
    const token = rest.join(":");
    if (!NAME.test(name) || !read.success || token.length < MIN_TOKEN_LENGTH)
      context.addIssue(
        `allowed are NAME:ROLE:TOKEN, separated by blanks; the role is ${dashboardRoleNames.join(", ")}, the token has ${MIN_TOKEN_LENGTH} characters or more`,
      );
    return { name, role: read.data ?? "viewer", token };
  });
  if (new Set(tokens.map(({ name }) => name)).size < tokens.length)
    context.addIssue("two of them have the same name");
  if (new Set(tokens.map(({ token }) => token)).size < tokens.length)
    context.addIssue("two of them have the same token");
  return tokens;
});

export const dashboardRoles = z.string().transform((given, context): readonly RoleGrant[] =>
  given
    .split(/[\s,]+/)
    .filter((word) => word !== "")
    .map((word): RoleGrant => {
      const at = word.indexOf("=");
      const role = Role.safeParse(word.slice(0, Math.max(at, 0)));
      const who = word.slice(at + 1);
      if (!role.success || who === "" || who === "user:")
        context.addIssue(
          `${JSON.stringify(word)}: allowed are ROLE=GROUP, ROLE=user:NAME and ROLE=*, separated by blanks; the role is ${dashboardRoleNames.join(", ")}`,
        );
      return { role: role.data ?? "viewer", to: granteeOf(who) };
    }),
);

function granteeOf(who: string): RoleGrant["to"] {
  if (who === "*") return { kind: "all" };
  return who.startsWith("user:")
    ? { kind: "user", name: who.slice("user:".length) }
    : { kind: "group", name: who };
}
