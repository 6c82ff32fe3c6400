/** docs/errors.md: the catalogue of messages. */
import type { Catalogue } from "../../shared/catalogue/entry.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { engineErrors } from "../../shared/catalogue/engine-errors.ts";
import { natsErrors, privateNatsErrors } from "../../shared/catalogue/nats-errors.ts";
import { credentialErrors, registryErrors } from "../../shared/catalogue/registry-errors.ts";
import { ownPartReasons } from "../../shared/catalogue/own-part-reasons.ts";
import { dueReasons } from "../../shared/catalogue/due-reasons.ts";
import { skipReasons } from "../../shared/catalogue/skip-reasons.ts";
import { dataDirErrors, observerErrors, settingErrors } from "../../shared/catalogue/start-errors.ts";
import { containerWarningTexts, settingWarningTexts } from "../../shared/catalogue/start-warnings.ts";
import { serviceFailures, serviceReasons, swarmReasons } from "../../shared/catalogue/swarm-reasons.ts";
import {
  changedMeanwhile,
  hooksFolderErrors,
  scriptFaults,
  updateFailures,
} from "../../shared/catalogue/update-failures.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { code, page, table } from "./markdown.ts";

interface CatalogueSection {
  readonly title: string;
  readonly intro: string;
  /** By the names under which the code knows them. */
  readonly catalogues: Readonly<Record<string, Catalogue>>;
}

export const catalogueSections: readonly CatalogueSection[] = [
  {
    title: "A service does not start",
    intro: "It prints one of these and ends with exit code 1.",
    catalogues: { settingErrors, dataDirErrors, privateNatsErrors, observerErrors },
  },
  {
    title: "NATS",
    intro: "Commands end with exit code 3 then; services wait, but for a key or a version that is wrong.",
    catalogues: { natsErrors },
  },
  {
    title: "An Engine is not reached",
    intro: "Services log it once and wait; `ouroboros doctor` says it at once.",
    catalogues: { engineErrors },
  },
  {
    title: "Warnings",
    intro: "A service logs them once and goes on.",
    catalogues: { settingWarningTexts, containerWarningTexts },
  },
  {
    title: "A container is not updated",
    intro:
      "`ouroboros check` and `ouroboros explain` show the first of these that holds; no event is published for a container that is left alone.",
    catalogues: { skipReasons, ownPartReasons, dueReasons },
  },
  {
    title: "A service of a swarm is not looked at, or not updated",
    intro: "With [SWARM](swarm.md); `ouroboros check`, `ouroboros explain` and the log show these.",
    catalogues: { swarmReasons, serviceReasons },
  },
  {
    title: "A registry gives no answer",
    intro: "`ouroboros check`, `status` and the log show these. Nothing is updated without an answer.",
    catalogues: { registryErrors, credentialErrors },
  },
  {
    title: "An update failed, or was undone",
    intro: "`ouroboros history` and the log show these. The old container runs again.",
    catalogues: { updateFailures },
  },
  {
    title: "An update gave way",
    intro: "The end is `expired`: somebody did something else with the container meanwhile.",
    catalogues: { changedMeanwhile },
  },
  {
    title: "The update of a service failed, or gave way",
    intro: "`ouroboros history` and the log show these.",
    catalogues: { serviceFailures },
  },
  {
    title: "A hook script is not run",
    intro: "It counts as failed; the log, `ouroboros doctor` and the reason of the refusal say why.",
    catalogues: { hooksFolderErrors, scriptFaults },
  },
  {
    title: "A command is not done",
    intro: "Exit code 1, or 3 where nothing could be learned.",
    catalogues: { commandErrors },
  },
  {
    title: "A command line is wrong",
    intro: "Exit code 2; the usage of the command follows.",
    catalogues: { usageErrors },
  },
];

export const errorsPage = (): string =>
  page(
    "Messages, their causes and remedies",
    `What Ouroboros says when something is wrong, by where you see it. \`…\` stands for a name, an address or a reason.
Search this page for words of the message, or begin with [troubleshooting](troubleshooting.md), which has the frequent ones.`,
    ...catalogueSections.map(({ title, intro, catalogues }) =>
      [
        `## ${title}`,
        intro,
        table(
          ["Message", "Cause", "What to do"],
          Object.values(catalogues)
            .flatMap((catalogue) => Object.values(catalogue))
            .map(({ says, cause, remedy }) => [code(withoutValues(says)), cause, asSentence(remedy)]),
        ),
      ].join("\n\n"),
    ),
  );

/** Values at the end that only add to a message are left out. */
const withoutValues = (says: string): string =>
  says.replace(/(?:\{(?:nearest|where|why)\})+/g, "").replace(/\{\w+\}/g, "…");

function asSentence(remedy: string): string {
  const text = remedy
    .replace(/:?\s*\{list\}$/, "")
    .replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
