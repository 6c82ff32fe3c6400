/** docs/cookbook.md: recipes whose files are those that test/end-to-end/cookbook.test.ts runs. */
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { block, page } from "./markdown.ts";

const ROOT = join(import.meta.dirname, "../../..");
const LANGUAGES: Readonly<Record<string, string>> = { ".py": "python", ".mjs": "js", ".sh": "sh" };

interface Recipe {
  readonly title: string;
  readonly says: string;
  /** Where the file lies → where it is to be put below hooks/; empty for what is run elsewhere. */
  readonly files: Readonly<Record<string, string>>;
  /** What they import of ours. */
  readonly shared?: readonly string[];
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
  message: {
    title: "A message after each update",
    says: `Whatever the end of an update, a chat is told: what it runs now, or why it still runs what it did. Nobody waits for
the chat; a message that could not be sent is a warning in the log. Name \`CHAT_WEBHOOK\` in \`HOOK_ENV\`. Without a script,
[NOTIFIERS](notifications.md) sends messages to people.`,
    files: { "hooks/update_finished/90-chat.mjs.example": "update_finished/90-chat.mjs" },
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
  lock: {
    title: "A lock that the application holds",
    says: `The application makes a file while it does what nobody should interrupt, and its container's label names that
file. While it is there, updates of that container wait; one that a crash left behind holds them until somebody removes it,
and the reason says since when it is there. Without the volume, updates of containers with the label wait too. A lock that is
taken once the script has looked comes too late, and EVENT_LABELS has to let the label out.`,
    files: { "examples/cookbook/update-lock.mjs": "before_update/update-lock.mjs" },
  },
  window: {
    title: "Update windows",
    says: `This [participant](../examples/participants/README.md) lets a container be updated only while a window is open,
by the host's windows in a file of its own or by the container's label. One \`defer\` names the next opening, so nothing is
asked again before that. A window should be longer than the time between two checks (INTERVAL), else it can pass unseen; what
began in it is finished after it. What cannot be understood, a host without a window too, is put off with the reason. A label
that comes from the image does not count, and EVENT_LABELS has to let it out. To update at once, write \`always\` into the file.`,
    files: { "examples/participants/update-window.mjs": "" },
    shared: ["examples/participants/lib/participant.mjs", "examples/participants/lib/windows.mjs"],
  },
  mute: {
    title: "No alerts about a container that is updated",
    says: `This [participant](../examples/participants/README.md) makes a silence in Prometheus' Alertmanager (tested with 0.25)
before a container is stopped, and ends it when the update is over, whatever its end. A silence also ends by itself, after
\`MUTE_S\` seconds: let that be longer than your slowest update. While Alertmanager is away updates wait; add the participant
with \`--advisory\` if they should not. \`--hears\` is how it is told that an update is over.`,
    files: { "examples/participants/mute-alertmanager.mjs": "" },
    shared: ["examples/participants/lib/participant.mjs", "examples/participants/lib/muting.mjs"],
  },
  look_away: {
    title: "The same for Uptime Kuma, and any other monitoring",
    says: `Uptime Kuma has no published API by which a program could pause a monitor or begin a maintenance: what its page uses
between browser and server may change with every version. So this participant calls an address of yours, which is to look away, and
when to look again; what stands there may use a tool that somebody keeps for your version of Uptime Kuma. It was tried with an HTTP receiver that checks what is sent, not with Uptime Kuma itself. All
that is said above about the end of an update holds here too.`,
    files: { "examples/participants/mute-webhook.mjs": "" },
    shared: ["examples/participants/lib/participant.mjs", "examples/participants/lib/muting.mjs"],
  },
  vulnerabilities: {
    title: "No image with more vulnerabilities",
    says: `This [participant](../examples/participants/README.md) has a scanner look at the image that runs now and at the new
one, both by digest, and refuses the new one if it has more findings of a severity or above, down to a threshold. So an old
image full of holes still gets better. A finding of unknown severity does not count; where the registry has lost what runs now
the scanner gives no report, which \`SCAN_AWAY\` decides. Where the hosts have another platform than the scanner, name it in the
command. The reports of trivy (JSON, schema version 2) and grype (JSON) are
read. It was tried with scripts that print both as they are documented, not with the two scanners themselves.`,
    files: { "examples/participants/vulnerability-gate.mjs": "" },
    shared: ["examples/participants/lib/participant.mjs", "examples/participants/lib/vulnerabilities.mjs"],
  },
  signatures: {
    title: "Only signed images",
    says: `This [participant](../examples/participants/README.md) lets an image run only where it is signed with your key, at the
digest that the plan names: that one is pulled. A signature over another digest does not help. It reads the signatures that
Cosign 2 makes with a key pair, and Cosign 3 with the options named below, at the tag \`sha256-DIGEST.sig\`; sigstore's own library
verifies them. Keyless signatures, transparency logs and Cosign 3's bundles are not read: what has only those is refused as
unsigned. Where an image has several platforms, sign the digest of the whole. It was tried with signatures made in the tests as
Cosign specifies them, in a real registry, not with Cosign itself.`,
    files: { "examples/participants/signature-gate.mjs": "" },
    shared: ["examples/participants/lib/participant.mjs", "examples/participants/lib/registry.mjs"],
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
folder \`hooks/\` of the host, or run it where it says so. [hooks.md](hooks.md) lists all hooks, [contract.md](contract.md) says what may be relied on.`,
    ...Object.values<Recipe>(recipes).map(({ title, says, files, shared = [] }) =>
      [
        `## ${title}`,
        says,
        ...Object.entries(files).map(([from, to]) => fileAt(from, to)),
        ...(shared.length === 0 ? [] : [`It imports ${shared.map(linkTo).join(" and ")}.`]),
      ].join("\n\n"),
    ),
  );

const linkTo = (file: string): string => `[${file}](../${file})`;

/** A shell script that is no hook script has variables, which the test of printed commands takes for names. */
const languageOf = (from: string, to: string): string =>
  to === "" && extname(from) === ".sh" ? "" : (LANGUAGES[extname(to || from)] ?? "");

const fileAt = (from: string, to: string): string =>
  `${to === "" ? "" : `\`hooks/${to}\`, from `}${linkTo(from)}:\n\n${block(languageOf(from, to), readFileSync(join(ROOT, from), "utf8"))}`;
