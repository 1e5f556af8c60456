# SPDX-License-Identifier: Apache-2.0
#
# Shows what becomes of a failure that does not always come again. Where the target has randomness
# of its own, it is a FAIL with its rate, never flaky; where the target claims that the harness
# controls all of its randomness, that claim is broken, and the verdict is FLAKY. A finding that
# fails every time has no rate.
#
# The modules deny one right password in eight, so that one finding in 64 fails in all of its first
# three runs, and says nothing of chance: after five in a row the test fails, which happens by
# chance once in 10^9.
. "$(dirname "$0")/lib.sh"

# finding_matches MODULE PATTERN...: in one of five checks.
finding_matches() {
    module=$1
    shift
    for try in 1 2 3 4 5; do
        expect 1 '^REFUSED: ' "$ASSAY" check "so:$MODULES/$module.so" --case encoding.round_trip \
            --only property --seed $try --out "$room/out"
        has_event '"event":"finding"' "$@" && return
    done
    die "no finding of $module matches: $*"
}
finding_matches chance '"verdict":"FAIL"' '"repeats":40' '"failed":[0-9]'
printf '%s\n' "$said" | grep -q '^      rate      fails in [0-9]* of 40 runs' || die 'the rate is not shown'
finding_matches chance_undeclared '"verdict":"FLAKY"' '"repeats":40'

expect 1 '^REFUSED: ' "$ASSAY" check "so:$MODULES/prefix_compare.so" --only vectors --first --out "$room/out"
has_event '"event":"finding"' '"repeats":0' '"failed":0' || die 'what always fails has a rate'
! printf '%s\n' "$said" | grep -q '^      rate ' || die 'what always fails shows a rate'
