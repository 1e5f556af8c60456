#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The events of the last run in words; the HTML report is not there yet.
set -eu
events=out/latest/events.jsonl
if [ ! -e "$events" ]; then
    echo "there is no run yet: make check" >&2
    exit 3
fi
echo "$(grep -c '"event":"case"' "$events" || true) cells, $(grep -c '"event":"finding"' "$events" || true) findings in out/latest/events.jsonl"
tail -n 1 "$events"
