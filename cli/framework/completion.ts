// `ouroboros completion`: prints the script with which a shell completes our commands, from the tables of commands
// and settings. Only names that change (hosts, containers, participants, events) are looked up at completion time.
import { settings } from "../../shared/settings/settings.ts";
import { type Command, EXIT, type CompletionKind } from "./command.ts";
import { allOptionsOf } from "./command-line.ts";
import { commandNames, commands } from "./command-table.ts";
import { services } from "./service-table.ts";
import type { CommandRunner } from "./run-command.ts";
import type { SHELLS } from "./setup-command-table.ts";

export type Shell = (typeof SHELLS)[number];

export const runCompletion: CommandRunner<"completion"> = ({ SHELL }, { stdout }) => {
  stdout.write(completionScript(SHELL));
  return Promise.resolve(EXIT.done.code);
};

/** A position on the command line and its completions: fixed words, or names to be looked up. */
interface CompletionSlot {
  readonly command: string;
  /** `--host` or `-o` for its value, `options`, `takes` for the options with a value, or the index of an argument. */
  readonly slot: string;
  readonly offers: CompletionKind | readonly string[];
}

const flagsOfSettings = Object.values(settings).flatMap((setting) =>
  "flags" in setting ? setting.flags : [],
);

const firstWord = (name: string): string => name.split(" ")[0] ?? name;

/** First words of the grouped commands: `participant` of `participant add`. */
const groups = [...new Set(commandNames.filter((name) => name.includes(" ")).map(firstWord))];

/** All positions that can be completed. */
export const completionSlots = (): CompletionSlot[] => [
  {
    command: "",
    slot: "0",
    offers: [...new Set([...commandNames.map(firstWord), ...Object.keys(services)])],
  },
  ...["", ...Object.keys(services)].map((command) => ({
    command,
    slot: "options",
    offers: [...flagsOfSettings, "--help"],
  })),
  ...groups.map((group) => ({
    command: group,
    slot: "0",
    offers: commandNames
      .filter((name) => name.startsWith(`${group} `))
      .map((name) => name.slice(group.length + 1)),
  })),
  ...commandNames.flatMap((name) => commandSlots(name, commands[name])),
];

function commandSlots(command: string, row: Command): CompletionSlot[] {
  const options = Object.entries(allOptionsOf(row)).flatMap(([name, option]) =>
    [`--${name}`, ...(option.short === undefined ? [] : [`-${option.short}`])].map((flag) => ({
      flag,
      option,
    })),
  );
  const argumentRows = Object.values(row.arguments ?? {}).entries();
  return [
    { command, slot: "options", offers: options.map(({ flag }) => flag) },
    { command, slot: "takes", offers: options.filter(({ option }) => option.read).map(({ flag }) => flag) },
    ...options.flatMap(({ flag, option: { offers } }) => (offers ? [{ command, slot: flag, offers }] : [])),
    ...[...argumentRows].flatMap(([index, { offers }]) =>
      offers ? [{ command, slot: String(index), offers }] : [],
    ),
  ];
}

export function completionScript(shell: Shell): string {
  switch (shell) {
    case "bash":
      return BASH.replace("CASES", cases()).replace("GROUPS", groups.join("|"));
    case "zsh":
      return ZSH.replace("CASES", cases()).replace("GROUPS", groups.join("|"));
    case "fish":
      return FISH.replace("CASES", fishCases()).replace("GROUPS", groups.join(" "));
  }
}

const cases = (): string =>
  completionSlots()
    .map(({ command, slot, offers }) => {
      const action =
        typeof offers === "string" ? `ouroboros known ${offers} 2>/dev/null` : `echo '${offers.join(" ")}'`;
      return `    '${command}:${slot}') ${action} ;;`;
    })
    .join("\n");

const fishCases = (): string =>
  completionSlots()
    .map(({ command, slot, offers }) => {
      const action =
        typeof offers === "string"
          ? `ouroboros known ${offers} 2>/dev/null`
          : `string split ' ' -- '${offers.join(" ")}'`;
      return `    case '${command}:${slot}'\n      ${action}`;
    })
    .join("\n");

/**
 * Shell functions for bash and zsh: the completions of a slot, and the slot that follows the words before the cursor.
 */
const POSIX = `# COMMAND:PLACE gives the words that can stand there.
_ouroboros_words() {
  case "$1" in
CASES
  esac
}

# From the words before the cursor to COMMAND:PLACE; an option that waits for its value is the place.
_ouroboros_place() {
  local found='' place=0 waits='' word
  for word in "$@"; do
    if [ -n "$waits" ]; then waits=''; continue; fi
    case " $(_ouroboros_words "\${found}:takes") " in *" $word "*) waits=$word; continue ;; esac
    case "$word" in -*) continue ;; esac
    case " $(echo $(_ouroboros_words "\${found}:0")) " in
      *" $word "*) case "$found" in ''|GROUPS) found="\${found:+$found }$word"; continue ;; esac ;;
    esac
    place=$((place + 1))
  done
  echo "\${found}:\${waits:-$place}"
}
`;

const BASH = `# bash completion of ouroboros, printed by \`ouroboros completion bash\`
${POSIX}
_ouroboros() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=() place words head='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    [ "\${COMP_WORDS[index]}" = = ] || before+=("\${COMP_WORDS[index]}") # bash takes --host=web01 apart
  done
  [ "$cur" = = ] && cur=''
  place=$(_ouroboros_place "\${before[@]}")
  case "$place" in
    *:-*) words=$(_ouroboros_words "$place") ;;
    *) case "$cur" in
      -*) words=$(_ouroboros_words "\${place%:*}:options") ;;
      *) words=$(_ouroboros_words "$place") ;;
    esac ;;
  esac
  case "$cur" in *,*) head=\${cur%,*}, cur=\${cur##*,} ;; esac
  local IFS=$' \\n'
  COMPREPLY=($(compgen -P "$head" -W "$words" -- "$cur"))
}
complete -F _ouroboros ouroboros
`;

const ZSH = `#compdef ouroboros
# zsh completion of ouroboros, printed by \`ouroboros completion zsh\`
${POSIX}
_ouroboros() {
  emulate -L zsh
  local place now=$PREFIX
  local -a before offered
  before=("\${(@)words[2,CURRENT-1]}")
  if [[ $now == --*=* ]]; then
    before+=("\${now%%=*}")
    compset -P '*='
    now=$PREFIX
  fi
  place=$(setopt shwordsplit; _ouroboros_place "\${before[@]}")
  [[ $place != *:-* && $now == -* ]] && place="\${place%:*}:options"
  offered=(\${=$(_ouroboros_words "$place")})
  compset -P '*,'
  compadd -a offered
}
compdef _ouroboros ouroboros
`;

const FISH = `# fish completion of ouroboros, printed by \`ouroboros completion fish\`
# COMMAND:PLACE gives the words that can stand there.
function __ouroboros_words
  switch "$argv[1]"
CASES
  end
end

# From the words before the cursor to COMMAND:PLACE; an option that waits for its value is the place.
function __ouroboros_place
  set -l found ''
  set -l place 0
  set -l waits ''
  for word in $argv
    if test -n "$waits"
      set waits ''
    else if contains -- "$word" (__ouroboros_words "$found:takes")
      set waits $word
    else if string match -q -- '-*' "$word"
      continue
    else if contains -- "$found" '' GROUPS; and contains -- "$word" (__ouroboros_words "$found:0")
      set found (string trim -- "$found $word")
    else
      set place (math $place + 1)
    end
  end
  if test -n "$waits"
    set place $waits
  end
  echo "$found:$place"
end

function __ouroboros_complete
  set -l words (commandline -opc)
  set -l now (commandline -ct)
  set -l head ''
  if string match -q -- '--*=*' "$now"
    set -a words (string split -m 1 = -- "$now")[1]
    set head (string split -m 1 = -- "$now")[1]=
    set now (string split -m 1 = -- "$now")[2]
  end
  set -l place (__ouroboros_place $words[2..])
  if string match -q -- '-*' "$now"; and not string match -q -- '*:-*' "$place"
    set place (string replace -r ':[^:]*$' ':options' -- "$place")
  end
  if string match -q -- '*,*' "$now"
    set head "$head"(string replace -r '[^,]*$' '' -- "$now")
  end
  for word in (__ouroboros_words "$place")
    echo "$head$word"
  end
end
complete -c ouroboros -f -a '(__ouroboros_complete)'
`;
