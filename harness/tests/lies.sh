# SPDX-License-Identifier: Apache-2.0
#
# lies.sh MODULE TECHNIQUE: shows that a target which lies about one thing is refused by this
# technique, with a token that finds it again; and that what only this technique can see is not
# seen without it, so that it is known to be worth having.
. "$(dirname "$0")/lib.sh"
module=so:$MODULES/$1.so technique=$2

expect 1 '^REFUSED: ' "$ASSAY" check "$module" --only "$technique" --first --out "$room/out"
token=$(token_of "$technique")
[ -n "$token" ] || die "no finding by $technique, or none with a token"
expect 1 '^REFUSED: ' "$ASSAY" replay "$token" "$module"
expect 0 '^GREEN: ' "$ASSAY" replay "$token" "so:$MODULES/honest.so"

# Faults are what a suite usually lacks, but clients that meet at a lock see some of them, too;
# randomness sees what vectors and schedules see, but not the other way.
cases='*'
case $technique in
fault) without=fault cases='[!c]*' ;;
property) without=property ;;
schedule) without=schedule,property ;;
vectors) exit 0 ;;
esac
expect 0 '^GREEN: ' "$ASSAY" check "$module" --without "regressions,$without" --case "$cases" --runs 100 --out "$room/out"
