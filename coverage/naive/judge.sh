#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which known-bad changes the example suite lets pass: judge.sh ASSAY_NAIVE MODULES OUT
# writes a line "NAME pass" or "NAME fail" for each patch in MODULES/defects. The suite must pass on the reference first.
set -eu
naive=$1 modules=$2 out=$3
if ! "$naive" "$modules/reference.so" >"$out.log" 2>&1; then
    cat "$out.log" >&2
    echo "the example suite does not pass on the reference" >&2
    exit 1
fi
: >"$out.new"
for patch_file in "$modules"/defects/*.patch; do
    name=$(basename "$patch_file" .patch)
    code=0
    "$naive" "$modules/$name.so" >"$out.log" 2>&1 || code=$?
    case $code in
    0) echo "$name pass" ;;
    3) cat "$out.log" >&2 && exit 1 ;;
    *) echo "$name fail" ;;
    esac >>"$out.new"
done
rm -f "$out.log"
mv "$out.new" "$out"
