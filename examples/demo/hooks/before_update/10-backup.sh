#!/bin/sh
# Shell: the database is saved before its container is replaced. The event is in the environment, and as JSON on
# standard input.
[ "$OUROBOROS_CONTAINER_NAME" = db ] || exit 0
sleep 0.2 # pg_dump ...
echo "saved the database of ${OUROBOROS_CONTAINER_ID%"${OUROBOROS_CONTAINER_ID#????????????}"}"
