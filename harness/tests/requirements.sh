# SPDX-License-Identifier: Apache-2.0
#
# Shows that cases/requirements.md is true: it has every id of the list below once and no other, the
# cases that a line names demand its id, every case that demands an id is named in its line, and a
# line without cases says why. What the cases demand is asked of the program. The ids are those of
# targets/reference/requirements.md and two more, of sessions. Then the judge is judged: broken
# tables and broken cases must be refused. What is not shown: that a case really sees its
# requirement broken; that is refuses.sh and `assay prove`.
. "$(dirname "$0")/lib.sh"

table=$SOURCE/cases/requirements.md
"$ASSAY" list cases >"$room/cases"
ids='N-01 N-02 N-03 N-04 N-05 N-06 N-07 N-08 N-09 N-10 N-11 N-12 N-13 N-14
A-2.3.3 A-6.1.1 A-6.2.1 A-6.2.3 A-6.2.8 A-6.3.1 A-6.3.2 A-6.3.4 A-6.3.8 A-6.4.1 A-6.5.1
A-7.2.3 A-7.2.4 A-7.4.2 A-7.4.3 A-11.2.2 A-11.2.4 A-11.2.5 A-11.4.2 A-11.5.1 A-15.4.1 A-15.4.2
A-16.2.5 A-16.3.1 A-16.3.4 A-16.5.1 A-16.5.2 A-16.5.3 A-16.5.4
O-01 O-02 O-03 O-04 O-05 O-06 O-07 R-01 R-02 R-03
PHC-01 PHC-02 PHC-03 PHC-04 PHC-05 PHC-06 PHC-07 PHC-08 P-01 P-02 P-03 P-04 X-01'
of_sessions='A-7.3.2 A-7.4.1'

# judge TABLE CASES: prints what is wrong with a table, given what `assay list cases` printed.
judge() {
    awk -v ids="$(echo $ids $of_sessions)" '
        function wrong(why) { print why }
        BEGIN { count = split(ids, list, " "); for (i = 1; i <= count; i++) known[list[i]] = 1 }
        # Of the cases: whose name is not indented.
        FILENAME == ARGV[1] && /^[a-z]/ { name = $1; is_case[name] = 1 }
        FILENAME == ARGV[1] && /^    required by / {
            for (i = 3; i <= NF; i++) {
                demands[$i, name] = 1
                if (!($i in known)) wrong(name " demands " $i ", which is not in the list")
            }
        }
        FILENAME == ARGV[1] || !/^[|] [A-Z]+-[0-9]/ { next }
        # Of the table.
        {
            split($0, cells, " [|] ")
            id = cells[1]; sub(/^[|] /, "", id)
            by = cells[3]; sub(/ [|]$/, "", by)
            if (!(id in known)) wrong(id " is not in the list")
            if (id in seen) wrong(id " is there twice")
            seen[id] = 1
            if (by ~ /^none: ./) next
            if (by !~ /^`[a-z_.]+`( `[a-z_.]+`)*$/) { wrong(id " has neither cases nor a reason"); next }
            gsub(/`/, "", by)
            for (i = split(by, names, " "); i > 0; i--) {
                named[id, names[i]] = 1
                if (!(names[i] in is_case)) wrong(id ": there is no case " names[i])
                else if (!((id, names[i]) in demands)) wrong(id ": " names[i] " does not demand it")
            }
        }
        END {
            for (id in known) if (!(id in seen)) wrong(id " is missing")
            for (pair in demands) if (!(pair in named)) {
                split(pair, of, SUBSEP)
                wrong(of[1] ": " of[2] " demands it and is not named")
            }
        }
    ' "$2" "$1"
}

# refuse WHY FILE SED WORDS: the table or the cases, broken by this script of sed, is refused, and
# the complaint has these words.
refuse() {
    cp "$table" "$room/broken.table"
    cp "$room/cases" "$room/broken.cases"
    sed "$3" "$room/broken.$2" >"$room/broken"
    ! cmp -s "$room/broken" "$room/broken.$2" || die "nothing was broken: $1"
    mv "$room/broken" "$room/broken.$2"
    judge "$room/broken.table" "$room/broken.cases" | grep -q -e "$4" || die "let through: $1"
}

# shellcheck disable=SC2086 # a word is an id
[ "$(printf '%s\n' $ids | sort -u | wc -l)" -eq 66 ] || die "the list has not 66 ids"
[ "$(sed -n 's/^| \([A-Z]*-[0-9.]*\) | .*/\1/p' "$SOURCE/targets/reference/requirements.md" | sort)" = \
    "$(printf '%s\n' $ids | sort)" ] || die "the reference has other requirements"
wrong=$(judge "$table" "$room/cases")
[ -z "$wrong" ] || die "$wrong"

refuse 'an id of nobody' table 's/^| O-02 /| O-99 /' 'O-99 is not in the list'
refuse 'a requirement that is gone' table '/^| O-02 /d' 'O-02 is missing'
refuse 'a requirement that is there twice' table '/^| N-02 /p' 'N-02 is there twice'
refuse 'no reason' table '/^| N-07 /s/none: .* |/none |/' 'N-07 has neither'
refuse 'a reason although a case demands it' table '/^| N-14 /s/`.*`/none: a policy/' 'N-14: lockout.every_way demands it'
refuse 'a case that is not there' table '/^| N-14 /s/lockout.machine/lockout.machines/' 'N-14: there is no case'
refuse 'a case of something else' table '/^| N-14 /s/lockout.machine/sessions.machine/' 'N-14: sessions.machine does not'
refuse 'a case that is not named' table '/^| N-14 /s/ `lockout.machine`//' 'N-14: lockout.machine demands it'
refuse 'a case that no longer demands it' cases 's/ N-14//' 'N-14: lockout.machine does not demand'
refuse 'a case that demands an id of nobody' cases 's/ N-14/ N-15/' 'lockout.machine demands N-15'
refuse 'a case that demands more' cases 's/required by N-11/required by N-12 N-11/' 'N-12: hashing.pays_the_cost demands it'
