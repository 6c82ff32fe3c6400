/** docs/parity.md: every hook, label, option and flag of Ouroboros 1.9, and the test that proves it. */
import { locals } from "../parity/hooks.ts";
import { labels } from "../parity/labels.ts";
import { type Option, options } from "../parity/options.ts";
import { type Proof, hookProofs, labelProofs, optionProofs, wholeProof } from "../parity/proofs.ts";
import { code, page, table } from "./markdown.ts";

const proofText = ({ file, title }: Proof): string =>
  `${title} ([${file.replace(/^test\/|\.test\.ts$/g, "")}](../${file}))`;

export const parityPage = (): string =>
  page(
    "What Ouroboros 1 does, and what proves that it goes on",
    `Each fact about Ouroboros 1.9 is a row of \`test/parity/\`; the test named beside it runs on real parts where the
fact has an effect. Deliberate differences are listed in [Migrating from Ouroboros 1](migrating-from-ouroboros.md).

Its compose file with its scripts, as a whole: ${proofText(wholeProof)}.

A new container is made of what the old one was given, as by Ouroboros 1. Beyond that it keeps anonymous volumes and what
was copied in before the first start; what the old one wrote beside its volumes is gone with both.
[The whole of it](reliability.md#the-new-container-equals-the-old-one-but-for-its-image), and
[what cannot be known](reliability.md#what-cannot-be-known).`,
    "## Hooks",
    table(
      ["Hook", "Locals", "Proved by"],
      Object.entries<readonly string[]>(locals).map(([hook, names]) => [
        code(hook),
        names.map(code).join(" "),
        proofText(hookProofs[hook as keyof typeof locals]),
      ]),
    ),
    "## Labels",
    table(
      ["Label", "Proved by"],
      labels.map((label) => [code(label), proofText(labelProofs[label])]),
    ),
    "## Options",
    `Names, flags, defaults, \`NAME_FILE\` and that the environment beats a flag: \`test/parity/options.test.ts\`, for each
of them. What they do:`,
    table(
      ["Option", "Flags", "By default", "Proved by"],
      Object.entries<Option>(options).map(([name, { flags, byDefault }]) => [
        code(name),
        flags.map(code).join(" "),
        byDefault === "" ? "" : code(byDefault),
        proofText(optionProofs[name as keyof typeof options]),
      ]),
    ),
  );
