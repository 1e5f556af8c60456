#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows that a token means the same in every build: across.sh BUILD_DIR OTHER_BUILD_DIR...
#
# Each known-bad change is refused in the first build, by each technique that finds it; its tokens are replayed in all others, each in
# a fresh process, where they must fail with the same steps, and pass on the reference. Kept tokens must be green there in every build.
set -u
first=$1
shift
[ $# -gt 0 ] || { echo "across.sh wants at least two build folders" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 count=0
for patch in "$first"/targets/defects/*.patch; do
    name=$(basename "$patch" .patch)
    for technique in vectors fault schedule property; do
        "$first/assay" check "$name" --first --only $technique --out "$work/out" >"$work/log"
        token=$(sed -n 's/.*assay replay \(assay1:.*\)/\1/p' "$work/log" | head -n 1)
        [ -n "$token" ] || continue
        "$first/assay" replay "$token" | sed 's/:[0-9]*)$/)/' >"$work/first" # compilers number lines of macros differently
        for other in "$@"; do
            count=$((count + 1))
            "$other/assay" replay "$token" >"$work/log"
            status=$?
            sed 's/:[0-9]*)$/)/' "$work/log" >"$work/other"
            if [ $status != 1 ] || ! cmp -s "$work/first" "$work/other"; then
                echo "$token does not tell the same story in $other:"
                diff "$work/first" "$work/other" | head -n 10
                failed=1
            fi
            if ! "$other/assay" replay "$token" reference >"$work/log"; then
                echo "$token fails on the reference in $other"
                failed=1
            fi
        done
    done
done
for token in $(cat "$(dirname "$0")"/../../cases/regressions/*.tokens | grep -v '^#'); do
    for build in "$first" "$@"; do
        count=$((count + 1))
        if ! "$build/assay" replay "$token" reference >"$work/log" 2>&1; then
            echo "the kept token $token is not green in $build:"
            tail -n 3 "$work/log"
            failed=1
        fi
    done
done
[ $count -gt 0 ] || { echo "no token was replayed: nothing was shown"; exit 2; }
echo "$count replays across builds"
exit $failed
