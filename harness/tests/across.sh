#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows that a token means the same in every build: across.sh BUILD_DIR OTHER_BUILD_DIR...
#
# Each known-bad change, and each module that lies about races, is refused in the first build, by each technique that finds it; its
# tokens are replayed in all others, each in a fresh process, where they must fail with the same steps, and pass on the reference.
# Kept tokens must be green there in every build.
set -u
first=$1
shift
[ $# -gt 0 ] || { echo "across.sh wants at least two build folders" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 count=0

# What a target is called in a build: a known-bad change by its name, a test module by its path.
target_in() {
    if [ -f "$1/targets/$2.so" ]; then echo "$2"; else echo "so:$1/harness/tests/modules/$2.so"; fi
}

# Compilers number lines of macros differently, and a module's path is that of its build.
story() {
    "$1/assay" replay "$2" "$(target_in "$1" "$3")" >"$work/log"
    status=$?
    sed "s/:[0-9]*)\$/)/; s|$1||" "$work/log"
    return $status
}

replay_in() {
    count=$((count + 1))
    story "$1" "$token" "$name" >"$work/other"
    if [ $? != 1 ] || ! cmp -s "$work/first" "$work/other"; then
        echo "$token does not tell the same story in $1:"
        diff "$work/first" "$work/other" | head -n 10
        failed=1
    fi
    if ! "$1/assay" replay "$token" reference >"$work/log"; then
        echo "$token fails on the reference in $1"
        failed=1
    fi
}

for name in $(basename -s .patch "$first"/targets/defects/*.patch) checks_first loses_updates; do
    for technique in vectors exhaustive fault schedule property; do
        "$first/assay" check "$(target_in "$first" "$name")" --first --only $technique --out "$work/out" >"$work/log"
        token=$(sed -n 's/.*assay replay \(assay1:.*\)/\1/p' "$work/log" | head -n 1)
        [ -n "$token" ] || continue
        story "$first" "$token" "$name" >"$work/first"
        for other in "$@"; do
            replay_in "$other"
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
