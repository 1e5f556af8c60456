# SPDX-License-Identifier: Apache-2.0
#
# Shows that every row of the benchmark can be measured: bench_rows.sh, with BENCH the program. A
# quick run must write well-formed JSON with each row once, figures that are numbers, and an anchor
# exactly where RapidCheck is there. It says nothing about times: a benchmark is not a test. Then
# the judge is judged: broken copies of the same file must each be refused.
. "$(dirname "$0")/lib.sh"

{
    printf 'engine.%s\n' cases_per_cpu_second distinct_cases_dropped overhead_of_one_cheap_hash \
        stateful_bug_random_cases token_payload_longest interleavings_per_second \
        interleavings_of_two_registrations_per_second
    for problem in reverse length_list large_union_list bound5 bound5_lists10 calculator \
        nested_lists distinct deletion coupling \
        difference_not_zero difference_not_small difference_not_one; do
        printf 'engine.%s.%s\n' shrink $problem shrink_executions $problem
    done
    printf 'faults.%s\n' edge_disabled_ns edge_disabled_against_libfiu single_fault_runs_per_second \
        powercut_states_per_second
    printf 'growth.accounts.%s_login_us\n' 100000 1000000
    printf 'whole.%s\n' service_throughput service_throughput_per_cpu
} | sort >"$room/names"

# judge FILE: prints what is wrong with it. The file is written with one member a line, so its form
# is a sequence of lines.
judge() {
    awk '
        function wrong(why) { print "line " NR ": " why ": " $0 }
        function number(text) { return text ~ /^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$/ }
        BEGIN {
            count = split("name ours theirs ratio wanted ok", members, " ")
            place = -1 # -1: before the list, 0: between rows, n: before the nth member
        }
        place == -1 { if ($0 != "[") wrong("not a list"); place = 0; next }
        place == 0 && $0 == "  {" { if (rows++ && !comma) wrong("no comma before it"); place = 1; next }
        place == 0 && $0 == "]" { if (comma) wrong("a comma before it"); place = -2; next }
        place == count + 1 && /^  },?$/ { comma = /,$/; place = 0; next }
        place < 1 || place > count { wrong("not expected here"); next }
        {
            member = members[place]
            value = $0
            if (sub("^    \"" member "\": ", "", value) == 0) wrong("not " member)
            if (place < count && sub(/,$/, "", value) == 0) wrong("no comma behind it")
            if (member == "name") good = value ~ /^"[a-z0-9_.]+"$/
            else if (member == "ok") good = value ~ /^(true|false|null)$/
            else good = number(value) || (member != "ours" && value == "null")
            if (!good) wrong("not a value of " member)
            place++
        }
        END { if (place != -2) print "it does not end" }
    ' "$1"
    sed -n 's/^    "name": "\(.*\)",$/\1/p' "$1" | sort | comm -3 "$room/names" - |
        sed 's/^[^\t]/no row &/; s/^\t/not expected, or twice: /'
}

expect 0 '^engine[.]cases_per_cpu_second ' "$BENCH" --quick "$room/bench.json"
if ! printf '%s\n' "$said" | grep -q '^# no rows of mutants'; then
    printf 'mutants.%s\n' judged_per_cpu_second against_recompiling inactive_slow_down cpu_seconds_of_thirty_lines |
        sort -m - "$room/names" >"$room/more"
    sort "$room/more" >"$room/names"
fi
wrong=$(judge "$room/bench.json")
[ -z "$wrong" ] || die "$wrong"

# members NAME MEMBER: the values of a member in the rows whose names match.
members() {
    sed -n "/\"name\": \"$1\"/,/}/s/^    \"$2\": \\(.*\\),\$/\\1/p" "$room/bench.json"
}
anchored=$(members 'engine[.]\(shrink.*\|cases.*\)' theirs)
[ "$(printf '%s\n' "$anchored" | wc -l)" -eq 27 ] || die "not 27 rows that RapidCheck has an answer to"
if printf '%s\n' "$said" | grep -q '^# RapidCheck is not installed$'; then
    ! printf '%s\n' "$anchored" | grep -qv '^null$' || die "an anchor that is not installed answers"
else
    printf '%s\n' "$said" | grep -q '^# RapidCheck, ' || die "it does not say which RapidCheck it is"
    ! printf '%s\n' "$anchored" | grep -q '^null$' || die "RapidCheck is there and a row has no anchor"
fi

# refuse WHY SED: the file, broken by this script of sed, must not be let through.
count=0
refuse() {
    sed "$2" "$room/bench.json" >"$room/broken.json"
    ! cmp -s "$room/bench.json" "$room/broken.json" || die "nothing was broken: $1"
    [ -n "$(judge "$room/broken.json")" ] || die "let through: $1"
    count=$((count + 1))
}
refuse 'a row is not there' '/"name": "engine.shrink.bound5"/s/bound5/bound6/'
refuse 'a row is there twice' 's/"faults.edge_disabled_ns"/"engine.token_payload_longest"/'
refuse 'a row is cut' '/"name": "engine.shrink.bound5"/,/}/d'
refuse 'a figure is null' '/"name": "engine.shrink.deletion"/,/}/s/"ours": [^,]*/"ours": null/'
refuse 'a figure is infinite' '/"name": "engine.shrink.deletion"/,/}/s/"ours": [^,]*/"ours": inf/'
refuse 'a ratio is not a number' '/"name": "engine.shrink.deletion"/,/}/s/"ratio": [^,]*/"ratio": nan/'
refuse 'a member is missing' '/"name": "engine.shrink.deletion"/,/}/{/"wanted"/d}'
refuse 'a judgement is a number' '/"name": "engine.shrink.deletion"/,/}/s/"ok": .*/"ok": 1/'
refuse 'a comma is missing' '/"name": "engine.shrink.deletion"/,/}/s/},/}/'
refuse 'the list does not end' '$d'
[ "$count" -eq 10 ] || die "only $count files were broken"

expect 64 '^usage: ' "$BENCH" --slow
expect 64 '^usage: ' "$BENCH" --quick one two
expect 70 'cannot write' "$BENCH" --quick "$room/no/folder"
