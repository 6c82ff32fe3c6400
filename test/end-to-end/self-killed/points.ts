// Where a self-update is cut: at the product's own steps and undos, which a new step joins by being there, and at what
// the three processes do beside them. Patterns of moments (test/support/crashing-ouroboros.ts).
import { stepsFrom, swapSteps } from "../../../services/updater/swap/swap-steps.ts";
import { verifySuccessor } from "../../../services/updater/swap/swap.ts";

/** By `docker run`, or by compose. */
const OWN = "ouroboros(-updater-1)?";
const HELPER_MADE = "POST /containers/create\\?.*name=ouroboros-helper.*";
const HELPER_DONE = "POST /containers/ouroboros-helper/update.*";

const asked = (hook: string): string[] =>
  ["waiting", "decided"].map((kind) => `record ${kind} ${hook} ${OWN}`);
const of = (who: string, moments: readonly string[]): string[] => moments.map((moment) => `${who} ${moment}`);

const stepsOf = (steps: readonly { readonly name: string }[]): string[] =>
  steps.map(({ name }) => `step ${name} of ${OWN}`);
const undosOf = (steps: typeof swapSteps): string[] =>
  steps.filter(({ undo }) => undo !== undefined).map(({ name }) => `undone ${name} of ${OWN}`);

/** The container that is to be replaced. */
export const oldPoints = of("old", [...asked("before_self_update"), HELPER_MADE]);

export const helperPoints = of("helper", ["started", ...stepsOf(swapSteps), HELPER_DONE]);

/** The new container, after it has proved itself. */
export const newPoints = of("new", [
  ...stepsOf(stepsFrom({ old: "aside", successor: "named", isOwn: true }).left),
  `record swapped ${OWN}`,
  `record swapping ${OWN}`,
  ...asked("after_self_update"),
  ...asked("before_self_cleanup"),
  "DELETE /containers/[0-9a-f]{64}\\?.*",
  ...asked("after_self_cleanup"),
  `record ended ${OWN}`,
  "record finished",
]);

/** A new container that does not get ready comes as far as its proof. */
export const undoPoints = of("helper", undosOf(swapSteps.slice(0, swapSteps.indexOf(verifySuccessor))));

/** after_self_update was refused: the new container hands back, and its helper puts the old one back. */
export const backPoints = [
  ...of("new", [HELPER_MADE]),
  ...of("back", ["started", ...undosOf(swapSteps), HELPER_DONE]),
];
