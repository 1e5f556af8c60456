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

# rows TABLE: id, file and function of each line that names a test.
rows() {
    sed -nE 's/^\| ([A-Z]+-[0-9.]+) \| [^|]+ \| `([^`]+)` `([^`]+)` \|$/\1 \2 \3/p' "$1"
}

# judge TABLE: prints what is wrong with it.
judge() {
    [ "$(grep -c '^| [A-Z]' "$1")" -ge 60 ] || echo "requirements are missing"
    grep '^| [A-Z]' "$1" | grep -vE '^\| [^|]+ \| [^|]+ \| (`[^`]+` `[^`]+`|none: [^|]+|README[.]md, [*][^|*]+[*]) \|$' |
        sed 's/^/no test and no reason: /'
    grep -oE '^\| [A-Z]+-[0-9.]+ ' "$1" | sort | uniq -d | sed 's/^/twice: /'
    rows "$1" | while read -r id file function; do
        name=$(printf '%s' "$id" | tr 'A-Z.-' 'a-z__')
        if ! grep -q "^static void $function(void \*\*state)\$" "$file" 2>/dev/null; then
            echo "$id: there is no $function in $file"
        elif ! grep -qE "(TEST|cmocka_unit_test[a-z_]*)\\($function[,)]" "$file"; then
            echo "$id: $file does not run $function"
        elif ! sed -n "/^static void $function(void/,/^}/p" "$file" | grep -qE "(^|[^a-z0-9])$name([^0-9]|\$)|_$name[^0-9]"; then
            echo "$id: $function is not named after it"
        fi
    done
    sed -nE 's/^static void (([a-z]+_[0-9]+(_[0-9]+)*_)+)[a-z].*\(void \*\*state\)$/\1/p' tests/*_test.c service/tests/*_test.c golden/tests/*_test.c |
        grep -oE '(phc|[naoprx])_[0-9]+(_[0-9]+){0,2}' | sort -u | while read -r name; do
        rows "$1" | tr 'A-Z.-' 'a-z__' | grep -q "^$name " || echo "$name: tests are named after it, and it is not in the table"
    done
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
printf '%s requirements, %s of them shown by a test\n' "$(grep -c '^| [A-Z]' requirements.md)" "$(rows requirements.md | wc -l)"
