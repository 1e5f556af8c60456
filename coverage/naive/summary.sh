#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How much a suite of examples is worth: summary.sh RESULT, as judge.sh wrote it. At least 35 of 43 known-bad changes pass it, or it is
# no longer what teams have; and it notices one of them at least, or it notices nothing.
set -eu
result=$1
all=$(grep -c . "$result")
passing=$(grep -c ' pass$' "$result" || true)
echo "the example suite lets $passing of $all known-bad changes pass; it notices:"
sed -n 's/ fail$//p' "$result" | sed 's/^/    /'
[ $((passing * 43)) -ge $((all * 35)) ] || { echo "it lets too few pass" >&2 && exit 1; }
[ "$passing" -lt "$all" ] || { echo "it notices nothing" >&2 && exit 1; }
