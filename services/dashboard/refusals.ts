// Why the dashboard does not do what a page asks for, in English; the page has it in its other languages by the same names
// (page/texts.mjs). What no page sends is refused in English alone, where it is read.
import { fillIn } from "../../shared/catalogue/entry.ts";

export const refusals = {
  signInFirst: "sign in first",
  tooManyTries: "too many tries; wait some minutes",
  noRole: "you have no role here; DASHBOARD_ROLES grants one",
  notFromProxy: "only the proxies of DASHBOARD_PROXIES are believed who somebody is",
  roleNeeded: "only who is {role} may do that",
  otherSite: "the request comes from another site",
  oldPage: "the token of the page is missing or old: load the page again",
  wrongToken: "this is no token",
  tooManyPages: "too many pages are open",
  noSuchHost: "there is no such host",
  pollerSilent: "its poller does not answer",
  ledgerAway: "the ledger cannot be read now: {because}",
  notPending: "it is not pending any more",
  onlyProceed: "{hook} cannot be refused: only proceed has an effect",
  noReason: "say why: the reason stands in the journal",
} as const satisfies Readonly<Record<string, string>>;

export type RefusalName = keyof typeof refusals;

/** What is answered. */
export interface Refusal {
  /** In English. */
  readonly because: string;
  /** Without it the page shows `because` as it is. */
  readonly refusal?: RefusalName;
  /** What stands for the names in braces. */
  readonly values?: Readonly<Record<string, string>>;
}

export const refusal = (name: RefusalName, values: Readonly<Record<string, string>> = {}): Refusal => ({
  because: fillIn(refusals[name], values),
  refusal: name,
  values,
});
