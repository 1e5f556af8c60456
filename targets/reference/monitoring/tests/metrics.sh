#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that a running service tells what alerts and dashboard ask for, from its first moment: a rate
# over a counter that appears with its first failure would miss that failure. metrics.sh, with AUTHD
# the service. promtool must find nothing to complain about, either.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command -v promtool >/dev/null 2>&1 || { echo "promtool is not installed (package prometheus)"; exit 77; }
room=$(mktemp -d "${TMPDIR:-/tmp}/monitoring.XXXXXX")
process=
trap 'test -z "$process" || kill "$process" 2>/dev/null || true; rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM

: >"$room/out"
"$AUTHD" --database "$room/accounts.db" --create --listen 127.0.0.1:0 --log "$room/log" >"$room/out" &
process=$!
for attempt in $(seq 300); do
    url=$(sed -n 's|^listening on |http://|p' "$room/out")
    [ -z "$url" ] || break
    sleep 0.1
done
curl -sf -m 10 "$url/metrics" >"$room/metrics"
promtool check metrics <"$room/metrics"
cmake -D DASHBOARD="$here/../dashboard.json" -P "$here/expressions.cmake" >"$room/expressions"
"$here/../names.sh" "$room/metrics" "$here/../alerts.yml" "$room/expressions" "$here"/*_test.yml

# And the other way round: without its counters of failures, something is missed.
grep -v 'answer="unavailable"' "$room/metrics" >"$room/fewer"
if "$here/../names.sh" "$room/fewer" "$here/../alerts.yml" >"$room/log"; then
    echo 'the counters of failures are gone, and nothing is missed'
    exit 1
fi
echo "$(grep -c '^authd' "$room/metrics") series of a running service"
