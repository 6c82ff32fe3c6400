#!/bin/sh
# A remote participant of Ouroboros as a shell script, on the `nats` command line (0.2 or newer) and jq:
#
#     ouroboros participant add ci --hooks before_update
#     NATS_URL=nats://nats.example.com:4222 ./participant.sh ci ./may-update.sh
#
# The command gets the event as JSON on standard input. Exit code 0 proceeds, 75 and 21 defer, anything else refuses; what
# it writes to standard error is the reason. `nats consumer next` acknowledges on receipt: when this script is killed in the
# middle, nobody answers, and --on-timeout of `participant add` decides. An event that comes LATE_AFTER seconds late (600,
# --timeout of `participant add`) is left alone: nobody waits for its answer any more.
set -u

usage() {
  cat <<'END'
Usage: participant.sh NAME COMMAND [ARGUMENT...]

Answers the hook events of the participant NAME (`ouroboros participant add NAME --hooks ...`) with what COMMAND says. It
gets the event as JSON on standard input. Exit code 0 proceeds, 75 and 21 defer, anything else refuses; what it writes to
standard error is the reason.

The `nats` command line finds the server: NATS_URL, NATS_USER, NATS_PASSWORD, NATS_NKEY (a file), NATS_CA, or a context.
LATE_AFTER (600): an event that comes so many seconds late is left alone.
END
}

case ${1:-} in
  -h | --help) usage; exit 0 ;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
for program in nats jq; do
  command -v "$program" >/dev/null || {
    echo "there is no $program in PATH: install it (https://github.com/nats-io/natscli, https://jqlang.org)" >&2
    exit 2
  }
done

name=$1
shift
# A name as one token of a subject; take names of letters, digits, - and _ and there is nothing to escape.
case $name in *[!A-Za-z0-9_-]*) echo "$name: letters, digits, - and _ only" >&2; exit 2 ;; esac

said=$(mktemp)
trap 'rm -f "$said"' EXIT
trap 'exit 0' INT TERM
told=

while :; do
  event=$(nats --timeout 30s consumer next OUROBOROS_HOOKS "gate_$name" --raw 2>"$said")
  if [ -z "$event" ]; then # none came, or NATS is away, or the participant was not added: `nats` says which
    error=$(tail -n 1 "$said")
    case $error in *[Tt]imeout* | *"no message"*) error= ;; esac
    [ -z "$error" ] || [ "$error" = "$told" ] || echo "no event: $error; trying again" >&2
    told=$error
    sleep 1
    continue
  fi
  # What was published while this script was off is over: the command would act for nothing.
  age=$(printf %s "$event" | jq -r '(now - (.time | sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601)) | floor' 2>/dev/null)
  if [ "${age:-0}" -gt "${LATE_AFTER:-600}" ]; then
    echo "$(printf %s "$event" | jq -r .id): came too late, nobody waits for its answer any more"
    continue
  fi
  subject=$(printf %s "$event" | jq -r .verdictsubject | sed "s/{participant}/$name/")
  progress=$(printf %s "$event" | jq -r .progresssubject | sed "s/{participant}/$name/")

  while sleep 5; do nats pub "$progress" '{}'; done >/dev/null 2>&1 &
  telling=$!
  printf %s "$event" | "$@" 2>"$said"
  case $? in
    0) verdict=proceed ;;
    75 | 21) verdict=defer ;;
    *) verdict=refuse ;;
  esac
  kill "$telling" 2>/dev/null

  # `nats pub` takes {{…}} in a body for a template of its own.
  body=$(tail -c 10240 "$said" | jq -Rsc --arg verdict "$verdict" \
    '{verdict: $verdict} + if . == "" then {} else {reason: (rtrimstr("\n") | gsub("\\{\\{"; "{ {"))} end')
  until nats pub -J "$subject" "$body" >/dev/null; do sleep 1; done
  echo "$(printf %s "$event" | jq -r .id): $verdict"
done
