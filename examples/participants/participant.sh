#!/bin/sh
# A remote participant of Ouroboros as a shell script, on the `nats` command line (0.2 or newer) and jq:
#
#     ouroboros participant add ci --hooks before_update
#     NATS_URL=nats://nats.example.com:4222 ./participant.sh ci ./may-update.sh
#
# The command gets the event as JSON on standard input. Exit code 0 proceeds, 75 defers, anything else refuses; what it
# writes to standard error is the reason. `nats consumer next` acknowledges on receipt: when this script is killed in the
# middle, nobody answers, and --on-timeout of `participant add` decides.
set -u
name=$1
shift
said=$(mktemp)
trap 'rm -f "$said"' EXIT
trap 'exit 0' INT TERM

# A name as one token of a subject; take names of letters, digits, - and _ and there is nothing to escape.
case $name in *[!A-Za-z0-9_-]*) echo "$name: letters, digits, - and _ only" >&2; exit 2 ;; esac

while :; do
  event=$(nats --timeout 30s consumer next OUROBOROS_HOOKS "gate_$name" --raw 2>"$said")
  if [ -z "$event" ]; then # none came, or NATS is away
    sleep 1
    continue
  fi
  subject=$(printf %s "$event" | jq -r .verdictsubject | sed "s/{participant}/$name/")
  progress=$(printf %s "$event" | jq -r .progresssubject | sed "s/{participant}/$name/")

  while sleep 5; do nats pub "$progress" '{}'; done >/dev/null 2>&1 &
  telling=$!
  printf %s "$event" | "$@" 2>"$said"
  case $? in
    0) verdict=proceed ;;
    75) verdict=defer ;;
    *) verdict=refuse ;;
  esac
  kill "$telling" 2>/dev/null

  # `nats pub` takes {{…}} in a body for a template of its own.
  body=$(tail -c 10240 "$said" | jq -Rsc --arg verdict "$verdict" \
    '{verdict: $verdict} + if . == "" then {} else {reason: (rtrimstr("\n") | gsub("\\{\\{"; "{ {"))} end')
  until nats pub -J "$subject" "$body" >/dev/null; do sleep 1; done
  echo "$(printf %s "$event" | jq -r .id): $verdict"
done
