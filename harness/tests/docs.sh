#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows that every command in the documentation works: docs.sh SOURCE_DIR BUILD_DIR
#
# The lines of the ```sh block of README.md are run as they stand, with the build folder put in; "# exits N" says what they end with. Every
# `make TARGET` that a document names must be a target of the Makefile. A README without such lines fails: the test would
# check nothing.
set -u
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/out"
cd "$work" || exit 70
failed=0 count=0

sed -n '/^```sh$/,/^```$/p' "$source/README.md" | grep '^build/' >"$work/commands"
while IFS= read -r line; do
    wanted=$(printf '%s\n' "$line" | sed -n 's/.*# exits \([0-9]*\).*/\1/p')
    command=$(printf '%s\n' "${line%%#*}" | sed "s|^build/|$build/|")
    sh -c "$command" >"$work/log" 2>&1
    got=$?
    count=$((count + 1))
    if [ "$got" != "${wanted:-0}" ]; then
        echo "exits $got, the README says ${wanted:-0}: $line"
        tail -n 5 "$work/log"
        failed=1
    fi
done <"$work/commands"
[ "$count" -ge 10 ] || { echo "only $count commands found in README.md"; failed=1; }

for target in $(grep -rhoE '`?make [a-z]+' "$source/README.md" "$source/CONTRIBUTING.md" "$source"/*/README.md | sed 's/.*make //' | sort -u); do
    case $target in it | sure | the) continue ;; esac
    if ! grep -qE "^$target:" "$source/Makefile"; then
        echo "the documents name make $target, which the Makefile does not have"
        failed=1
    fi
done
# The figure that README.md gives must be the one that the program counts.
"$build/assay" check reference --only fault >"$work/log" 2>&1
sites=$(sed -n 's/.* checks, \([0-9]*\) fault sites.*/\1/p' "$work/log")
told=$(sed -n 's/.*: \([0-9,]*\) sites in .*/\1/p' "$source/README.md" | tr -d ,)
if [ -z "$sites" ] || [ "$sites" != "$told" ]; then
    echo "README.md says ${told:-nothing} sites, the program counts ${sites:-none}"
    failed=1
fi
echo "$count commands of README.md run"
exit $failed
