# SPDX-License-Identifier: Apache-2.0
#
# lies.sh MODULE TECHNIQUE [HONEST]: shows that a target which lies about one thing is refused by this
# technique, with a token that finds it again; and, with ASSAY_SOAK set, that what only this technique
# can see is not seen without it, so that it is known to be worth having. HONEST is what the target would be if it
# did not lie.
. "$(dirname "$0")/lib.sh"
module=so:$MODULES/$1.so technique=$2 honest=so:$MODULES/${3:-honest}.so

expect 1 '^REFUSED: ' "$ASSAY" check "$module" --only "$technique" --first --out "$room/out"
token=$(token_of "$technique")
[ -n "$token" ] || die "no finding by $technique, or none with a token"
expect 1 '^REFUSED: ' "$ASSAY" replay "$token" "$module"
# A power cut is named by the changes of the disk before it, which are others where nothing is lost.
# Where the honest one does without the call that failed, that is said, and no other one fails instead.
case $technique in
powercut) expect 0 '^GREEN: ' "$ASSAY" check "$honest" --only powercut --out "$room/out" ;;
*)
    run "$ASSAY" replay "$token" "$honest"
    [ "$code" -eq 0 ] || printf '%s\n' "$said" | grep -q 'was planned to fail; that step has' ||
        die "the honest one is not green: $token"
    ;;
esac

# In `make soak` only: what is not seen without a technique costs a check by all others.
[ -n "${ASSAY_SOAK:-}" ] || exit 0

# Faults are what a suite usually lacks, but clients that meet at a lock see some of them, too;
# randomness sees what vectors, rows, short sequences and schedules see, but not the other way.
# Random search makes faults, too, but not in its first runs.
cases='*' runs=100
case $technique in
fault) without=fault,powercut cases='[!c]*' runs=3 ;;
property) without=property ;;
schedule) without=schedule,property ;;
powercut) without=powercut ;;
vectors | exhaustive) exit 0 ;;
esac
expect 0 '^GREEN: ' "$ASSAY" check "$module" --without "regressions,$without" --case "$cases" --runs "$runs" --out "$room/out"
