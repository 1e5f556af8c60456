#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# After a refactoring of the reference: applies each patch with some freedom and writes it anew, header kept.
#   targets/refresh.sh [PATCH...]     all of them when none is named
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- "$root"/targets/defects/*.patch "$root"/targets/harmless/*.patch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for patch_file in "$@"; do
    rm -rf "$work"/a "$work"/b
    mkdir -p "$work/a/targets" "$work/b/targets"
    cp -r "$root/targets/reference" "$work/a/targets/"
    cp -r "$root/targets/reference" "$work/b/targets/"
    if ! patch -s -p1 --no-backup-if-mismatch -d "$work/b" <"$patch_file"; then
        echo "$patch_file does not apply even with some freedom: mend it by hand" >&2
        exit 1
    fi
    sed '/^--- /,$d' "$patch_file" >"$work/new"
    # a file that is not there on one side has the time 0
    (cd "$work" && TZ=UTC0 diff -ruN a b || true) | grep -v '^diff ' |
        sed -E 's#^(---|\+\+\+) [^\t]*\t1970-01-01 .*#\1 /dev/null#; s/^((---|\+\+\+) [^\t]*)\t.*/\1/' >>"$work/new"
    cp "$work/new" "$patch_file"
    echo "$patch_file"
done
