#!/bin/sh
# Ends the service if it runs, and waits for its end.
set -eu
pidfile=/tmp/shop-api.pid
[ -f "$pidfile" ] || exit 0
pid=$(cat "$pidfile")
kill "$pid" 2>/dev/null || true
tail --pid="$pid" -f /dev/null
rm -f "$pidfile"
