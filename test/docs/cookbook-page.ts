/** docs/cookbook.md: recipes whose files are those that test/end-to-end/cookbook.test.ts runs. */
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { block, page } from "./markdown.ts";

const ROOT = join(import.meta.dirname, "../../..");
const LANGUAGES: Readonly<Record<string, string>> = { ".py": "python", ".mjs": "js", ".sh": "sh" };

interface Recipe {
  readonly title: string;
  readonly says: string;
  /** Where the file lies → where it is to be put below hooks/; empty for what is no hook script. */
  readonly files: Readonly<Record<string, string>>;
}

export const recipes = {
  dump: {
    title: "A database dump before the update",
    says: `Before a PostgreSQL container is replaced its data is dumped with the program of the old container, and without
a whole dump there is no update. Mount the Docker socket and a volume at \`BACKUP_DIR\` into the hook-executor, and name that
in \`HOOK_ENV\`.`,
    files: { "hooks/before_update/20-dump-postgres.py.example": "before_update/20-dump-postgres.py" },
  },
  maintenance: {
    title: "A maintenance page",
    says: `Containers that others depend on are stopped while those are updated. These two scripts put a file up and take
it down for as long as that lasts; have your web server show a page while the file is there. Name \`MAINTENANCE_DIR\` in
\`HOOK_ENV\`.`,
    files: {
      "hooks/before_stop_depends_container/maintenance-on.sh.example":
        "before_stop_depends_container/maintenance-on.sh",
      "hooks/before_start_depends_container/maintenance-off.sh.example":
        "before_start_depends_container/maintenance-off.sh",
    },
  },
  approval: {
    title: "Approval by a person",
    says: `A person may take days, and nothing should stand still or be held open for that long. So the answer is \`defer\`
now and \`proceed\` another time, at \`updates_enumerated\`, before anything is touched. The file that approves names the image,
so that what was approved is what is installed; nobody approves by accident what came later.`,
    files: { "examples/cookbook/approval.mjs": "updates_enumerated/approval.mjs" },
  },
  prometheus: {
    title: "No update while an alert fires",
    says: `The script asks Prometheus for its alerts and puts the update off while a critical one fires. In doubt it puts
it off as well.`,
    files: { "examples/cookbook/prometheus-gate.mjs": "before_update/prometheus-gate.mjs" },
  },
  quorum: {
    title: "Two of three approvers",
    says: `Participants of the same group speak with one voice: here two of them have to say \`proceed\`, and two refusals end
the matter. Each approver answers for himself, with a [participant](../examples/participants/README.md) of his own or an
[HTTP endpoint](webhook.md) that asks him. Who does not answer in time is missing, and with too few the answer is \`defer\`: the
plan comes again.`,
    files: { "examples/cookbook/two-of-three.sh": "" },
  },
} as const satisfies Record<string, Recipe>;

export const cookbookPage = (): string =>
  page(
    "Cookbook",
    `Recipes to copy. Each file is one that the tests run as it stands here; put it where the line above it says, below the
folder \`hooks/\` of the host. [hooks.md](hooks.md) lists all hooks, [contract.md](contract.md) says what may be relied on.`,
    ...Object.values<Recipe>(recipes).map(({ title, says, files }) =>
      [`## ${title}`, says, ...Object.entries(files).map(([from, to]) => fileAt(from, to))].join("\n\n"),
    ),
  );

const fileAt = (from: string, to: string): string =>
  `${to === "" ? "" : `\`hooks/${to}\`, from `}[${from}](../${from}):\n\n${block(LANGUAGES[extname(to)] ?? "", readFileSync(join(ROOT, from), "utf8"))}`;
