#!/bin/sh
# Three approvers, of whom two have to say yes before anything is touched. Run it once, as the operator.
set -eu
for name in alice bob carol; do
  ouroboros participant add "$name" --hooks updates_enumerated --group approvers --needs 2 --timeout "${APPROVAL_TIME:-10m}"
done
