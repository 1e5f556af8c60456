#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From an edit of thirty lines to the verdict, as the benchmark measures it:
# diff.sh MUTATE ROOT COMPILER SOURCES -- OBJECTS AND LIBRARIES
# The lines of the codec are mutated, compiled and linked with its tests, and every mutant is judged.
set -eu
mutate=$1 root=$2 compiler=$3
shift 3
sources=
while [ "$1" != -- ]; do
    sources="$sources $root/$1"
    shift
done
shift
room=$(mktemp -d "${TMPDIR:-/tmp}/assay-diff.XXXXXX")
trap 'rm -rf "$room"' EXIT
flags="-std=gnu11 -D_GNU_SOURCE -I$root"
$mutate --root "$root" --out "$room" --lines targets/reference/phc.c:36-65 $sources -- $flags >"$room/log"
$compiler $flags -O1 -w $(find "$room" -name '*.c') "$@" -o "$room/judge"
"$room/judge"
