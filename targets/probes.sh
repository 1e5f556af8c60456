#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where the code of changed lines begins: probes.sh PATCH MODULE TREE, to standard output.
#
# TREE holds the patched files at the paths that the patch gives them. From the hunks come the lines that are new, or, where lines were
# only taken away, the one behind them; from the line table of MODULE (built with -g) the addresses of these lines, or else of
# the other lines of their statement. A change outside of functions has no code of its own: for a constant, a table or a macro it is the lines that name it. Addresses are printed one a line,
# relative to the module. A change of which no line has code, such as that of a type, has none, and it cannot be said whether it
# is reached; nor can it without readelf, or without -g. What is not modelled: two files of one name in one module are taken for one.
set -eu
patch_file=$1 module=$2 tree=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v readelf >/dev/null 2>&1 || exit 0
readelf --wide --debug-dump=decodedline "$module" 2>/dev/null |
    awk '$3 ~ /^0x[0-9a-f]+$/ && $2 ~ /^[0-9]+$/ { n = split($1, part, "/"); print part[n], $2, $3 }' >"$work/table"

# PATH HUNK LINE, a line for each changed one.
awk '
    /^--- / { next }
    /^\+\+\+ / { path = $2; sub(/^[^\/]*\//, "", path); gone = $2 == "/dev/null"; next }
    gone { next }
    /^@@ / { flush(); split($3, at, ","); line = substr(at[1], 2) + 0; hunk++; next }
    /^-/ { taken = 1; if (!where) where = line; next }
    /^\+/ { print path, hunk, line; added = 1; line++; next }
    /^ / || /^$/ { flush(); line++ }
    function flush() { if (taken && !added) print path, hunk, where; taken = added = where = 0 }
    END { flush() }
' "$patch_file" >"$work/lines"

# The lines of the statement in which this line of a file stands.
statement_around() {
    awk -v wanted="$2" '
        { text[NR] = $0 }
        END {
            first = last = wanted
            while (first > 1 && text[first - 1] !~ /[;{}:][ \t]*$|^[ \t]*$|^#|\*\/[ \t]*$/) first--
            while (last < NR && text[last] !~ /[;{}][ \t]*$/) last++
            for (line = first; line <= last; line++) print line
        }' "$1"
}

# What the macro or the declaration is called in which this line of a file stands, when it is none of a function.
name_around() {
    awk -v wanted="$2" '
        NR > wanted { exit }
        !goes_on { macro = "" }
        /^#[ \t]*define[ \t]/ { macro = $0; sub(/^#[ \t]*define[ \t]+/, "", macro); sub(/[^A-Za-z0-9_].*/, "", macro) }
        { goes_on = /\\$/; here = macro }
        /^}/ { inside = "" }
        /^[A-Za-z}].*=[^=]*$/ { inside = $0 }
        /^[A-Za-z].*\)$/ || /^[A-Za-z].*\) *\{$/ { inside = "" }
        END {
            if (here != "") { print here; exit }
            if (inside == "") exit
            sub(/[ \t]*=.*/, "", inside); sub(/\[.*/, "", inside); sub(/^.*[^A-Za-z0-9_]/, "", inside); print inside
        }' "$1"
}

# The addresses of the lines of a file, whose numbers are read.
addresses() {
    awk -v file="$1" 'NR == FNR { wanted[$1] = 1; next } $1 == file && ($2 in wanted) { print $3 }' - "$work/table"
}

awk '{ print $1, $2 }' "$work/lines" | sort -u >"$work/hunks"
while read -r path hunk; do
    file=${path##*/}
    awk -v path="$path" -v hunk="$hunk" '$1 == path && $2 == hunk { print $3 }' "$work/lines" >"$work/hunk"
    addresses "$file" <"$work/hunk" >"$work/here"
    if [ ! -s "$work/here" ]; then
        while read -r line; do
            [ -n "$(name_around "$tree/$path" "$line")" ] || statement_around "$tree/$path" "$line"
        done <"$work/hunk" | addresses "$file" >"$work/here"
    fi
    if [ ! -s "$work/here" ]; then
        while read -r line; do
            name_around "$tree/$path" "$line"
        done <"$work/hunk" | sort -u >"$work/names"
        while read -r name; do
            [ -z "$name" ] || grep -rnw -e "$name" --include='*.c' --include='*.h' "$tree" || true
        done <"$work/names" | awk -F : '{ n = split($1, part, "/"); print part[n], $2 }' >"$work/uses"
        awk 'NR == FNR { wanted[$1 " " $2] = 1; next } ($1 " " $2) in wanted { print $3 }' \
            "$work/uses" "$work/table" >"$work/here"
    fi
    cat "$work/here"
done <"$work/hunks" | sort -u
