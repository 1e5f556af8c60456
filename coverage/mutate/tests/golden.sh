# SPDX-License-Identifier: Apache-2.0
#
# The mutants of small bodies: golden.sh, with MUTATE the generator and SOURCE the root.
#
# Each row of golden.txt becomes a function; the generator lists its mutants, which must be those of
# the row and no others. What was refused is counted, and must be as many as the rows say. Then the
# test is tested: a row with one mutant less, one more or another one must be noticed. Last, the
# generated text is compiled, by gcc and by clang.
. "$SOURCE/harness/tests/lib.sh"

tests=$SOURCE/coverage/mutate/tests
flags="-std=gnu11 -D_GNU_SOURCE -I$SOURCE"
cp "$tests/golden.h" "$room"

# write_rows TABLE: the functions, as C.
write_rows() {
    awk -F ' ## ' '
        BEGIN { print "#include \"golden.h\"\n\nstatic bool no(void)\n{\n    return false;\n}" }
        /^#/ { next }
        {
            gsub(/\\n/, "\n", $2)
            printf "%s row_%d(int a, int b, unsigned u, bool p, bool q, double x, double y, char *s, ", $1, NR
            printf "char *t, size_t size, struct pair *pair, int last, ...)\n{\n    %s\n}\n", $2
        }
    ' "$1" >"$room/golden.c"
}

# differences TABLE: rows whose mutants are not those in the list.
differences() {
    awk -F ' ## ' '
        function show(list, count, i, k, swap, text) {
            for (i = 2; i <= count; i++)
                for (k = i; k > 1 && list[k - 1] > list[k]; k--) {
                    swap = list[k]; list[k] = list[k - 1]; list[k - 1] = swap
                }
            for (i = 1; i <= count; i++)
                text = text (i > 1 ? "; " : "") list[i]
            return text
        }
        FNR == 1 { file++ }
        file == 1 && match($0, / in row_[0-9]+: /) {
            row = substr($0, RSTART + 8, RLENGTH - 10)
            operator = substr($0, 1, RSTART - 1)
            sub(/.* /, "", operator)
            found[row, ++counts[row]] = operator ": " substr($0, RSTART + RLENGTH)
            next
        }
        file == 1 || /^#/ { next }
        {
            split("", list)
            for (i = 1; i <= counts[FNR]; i++) {
                list[i] = found[FNR, i]
                sub(/ $/, "", list[i])
            }
            got = show(list, counts[FNR])
            split("", list)
            count = split($3, list, "; ")
            for (i = 1; i <= count; i++)
                sub(/ $/, "", list[i])
            wanted = show(list, count)
            if (got != wanted)
                print "line " FNR " (" $4 "): " $2 "\n  wanted " wanted "\n  got    " got
        }
    ' "$room/list" "$1"
}

write_rows "$tests/golden.txt"
"$MUTATE" --root "$room" --list "$room/golden.c" -- $flags >"$room/list" 2>"$room/errors" || die "$(cat "$room/errors")"
wrong=$(differences "$tests/golden.txt")
[ -z "$wrong" ] || die "$wrong"
grep -q ' in is_small: ' "$room/list" || die "a function of a header has no mutants"
expect 0 ', 3 do not compile; refused: 6 in macros, 1 with a directive within, 1 with statements within, 6 undefined, 2 of pointers, 0 too long$' \
    tail -n 1 "$room/list"

# notices WHY SED: the table, broken so, is noticed.
notices() {
    sed "$2" "$tests/golden.txt" >"$room/broken.txt"
    ! cmp -s "$tests/golden.txt" "$room/broken.txt" || die "nothing was broken: $1"
    [ -n "$(differences "$room/broken.txt")" ] || die "not noticed: $1"
}
notices 'a mutant that is not expected' 's/; relational: a < b -> 0 ##/ ##/'
notices 'a mutant that is not there' 's/relational: a < b -> 0 ##/&; relational: a < b -> 2 ##/;s/ ##; \(relational: a < b -> 2\)/; \1/'
notices 'another mutant' 's/enumerator: GREEN -> RED/enumerator: GREEN -> BLUE/'

"$MUTATE" --root "$room" --out "$room/out" "$room/golden.c" -- $flags >/dev/null
for compiler in gcc clang; do
    command -v $compiler >/dev/null 2>&1 || continue
    run $compiler $flags -w -O1 -c "$room/out/golden.c" -o "$room/golden.o"
    [ "$code" -eq 0 ] || die "$compiler does not compile what was generated"
done

# Lines: only those that are named, or that a diff changes.
line=$(grep -n 'return a < b;' "$room/golden.c" | head -n 1 | cut -d : -f 1)
expect 0 '^mutants: 3 in 1 sources' "$MUTATE" --root "$room" --list --lines "golden.c:$line" "$room/golden.c" -- $flags
expect 0 '^mutants: 6 in 1 sources' "$MUTATE" --root "$room" --list --lines "golden.c:$line-$((line + 4))" "$room/golden.c" -- $flags
expect 0 '^mutants: 0 in 1 sources' "$MUTATE" --root "$room" --list --lines "golden.c:1" "$room/golden.c" -- $flags
printf '%s\n' '--- a/above/golden.c' '+++ b/above/golden.c' "@@ -1,0 +$line,1 @@" '+x' "@@ -9,2 +$((line + 3)),0 @@" >"$room/diff"
expect 0 '^mutants: 6 in 1 sources' "$MUTATE" --root "$room" --list --since-diff "$room/diff" "$room/golden.c" -- $flags
: >"$room/diff"
expect 0 '^mutants: 0 in 1 sources' "$MUTATE" --root "$room" --list --since-diff "$room/diff" "$room/golden.c" -- $flags

# Keys do not change when lines move.
sed '1,/^$/s/^$/\n\n/' "$room/golden.c" >"$room/moved.c"
cut -d ' ' -f 1 "$room/list" | grep '^[0-9a-f]*$' | sort >"$room/keys"
[ -z "$(uniq -d "$room/keys")" ] || die "two mutants have one key"
mv "$room/moved.c" "$room/golden.c"
"$MUTATE" --root "$room" --list "$room/golden.c" -- $flags | cut -d ' ' -f 1 | grep '^[0-9a-f]*$' | sort | cmp -s - "$room/keys" ||
    die "keys have changed with the lines"

# What cannot be done is said.
printf 'int f(void)\n{\n    return x;\n}\n' >"$room/wrong.c"
expect 1 'does not compile as it is: .*undeclared' "$MUTATE" --root "$room" --list "$room/wrong.c" -- $flags
expect 64 '^usage: ' "$MUTATE" --root "$room" --list
expect 64 '^usage: ' "$MUTATE" --root "$room" "$room/golden.c"
expect 64 'no folder' "$MUTATE" --root "$room/no" --list "$room/golden.c"
expect 64 'is not below' "$MUTATE" --root "$SOURCE/cases" --list "$room/golden.c" -- $flags
expect 64 'wants FILE' "$MUTATE" --root "$room" --list --lines golden.c "$room/golden.c"
expect 64 'wants FILE' "$MUTATE" --root "$room" --list --lines golden.c:0 "$room/golden.c"
expect 1 'cannot read' "$MUTATE" --root "$room" --list "$room/none.c"
