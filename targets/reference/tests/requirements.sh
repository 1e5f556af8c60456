#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that requirements.md is true: requirements.sh, with REFERENCE the folder that it is in.
#
# Every line names a test that is there, that its program runs, and that is named after the
# requirement: its id stands in the name or in the function, as n_02 or a_6_2_3. Lines without one
# say why. And every test that has an id in its name is about a requirement of the table. Then the
# judge is judged: broken tables must be refused.
set -eu
room=$(mktemp -d "${TMPDIR:-/tmp}/requirements.XXXXXX")
trap 'rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM
cd "$REFERENCE"

die() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# judge TABLE: prints what is wrong with it.
judge() {
    awk '
        function wrong(why) { print why }
        FNR == 1 { inside = "" }
        # Of a test program: which functions there are, what is in them, and which are run.
        FILENAME ~ /[.]c$/ && /^static void [a-z0-9_]+[(]void [*][*]state[)]$/ {
            inside = $3
            sub(/[(].*/, "", inside)
            text[FILENAME, inside] = " "
            tests[inside] = 1
        }
        FILENAME ~ /[.]c$/ {
            if (inside != "") text[FILENAME, inside] = text[FILENAME, inside] " " $0
            if ($0 == "}") inside = ""
            line = $0
            while (match(line, /(TEST|cmocka_unit_test[a-z_]*)[(][a-z0-9_]+[,)]/)) {
                name = substr(line, RSTART, RLENGTH - 1)
                sub(/.*[(]/, "", name)
                is_run[FILENAME, name] = 1
                line = substr(line, RSTART + RLENGTH)
            }
            next
        }
        # Of the table.
        !/^[|] [A-Z]+-[0-9]/ { next }
        {
            split($0, cells, " [|] ")
            id = cells[1]; sub(/^[|] /, "", id)
            by = cells[3]; sub(/ [|]$/, "", by)
            rows++
            name = tolower(id); gsub(/[.-]/, "_", name)
            if (id in seen) wrong(id " is there twice")
            seen[id] = 1
            if (by ~ /^none: ./ || by ~ /^README[.]md, [*].+[*]$/) next
            if (split(by, parts, "`") != 5) { wrong(id " has no test and no reason"); next }
            file = parts[2]; test = parts[4]
            named[name] = 1
            if (!((file, test) in text)) wrong(id ": there is no " test " in " file)
            else if (!((file, test) in is_run)) wrong(id ": " file " does not run " test)
            else if (text[file, test] !~ ("(^|[^a-z0-9])([a-z0-9]+_)*" name "(_[a-z]|:)")) wrong(id ": " test " is not named after it")
        }
        END {
            if (rows < 60) wrong("requirements are missing")
            for (test in tests) {
                rest = test
                while (match(rest, /^(phc|[naoprx])_[0-9]+(_[0-9]+)*_/)) {
                    id = substr(rest, 1, RLENGTH - 1)
                    rest = substr(rest, RLENGTH + 1)
                    if (!(id in named)) wrong(test " is named after " id ", which no line of the table says to be tested")
                }
            }
        }
    ' tests/*_test.c service/tests/*_test.c golden/tests/*_test.c "$1"
}

wrong=$(judge requirements.md)
[ -z "$wrong" ] || die "$wrong"

count=0
# refuse WHY SED: the table, broken by this script of sed, must not be let through.
refuse() {
    sed "$2" requirements.md >"$room/broken.md"
    ! cmp -s requirements.md "$room/broken.md" || die "nothing was broken: $1"
    [ -n "$(judge "$room/broken.md")" ] || die "let through: $1"
    count=$((count + 1))
}
refuse 'a test that is not there' '/^| N-02 /s/sixty_four/sixty_five/'
refuse 'a file that is not there' '/^| N-02 /s/policy_test/police_test/'
refuse 'a test of something else' '/^| N-02 /s/n_02_sixty_four_and_many_more/what_is_asked_first_is_refused_first/'
refuse 'a line without a reason' '/^| O-05 /s/none: .* |/none |/'
refuse 'a requirement that is gone' '/^| N-13 /d'
refuse 'a requirement that is there twice' '/^| N-02 /p'
[ "$count" -eq 6 ] || die "only $count tables were broken"
rows=$(grep -c '^| [A-Z]*-[0-9]' requirements.md)
printf '%s requirements, %s of them shown by a test\n' "$rows" "$(grep -c '^| [A-Z]*-[0-9].*`' requirements.md)"
