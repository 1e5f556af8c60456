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

# Faults are what a suite usually lacks; randomness sees what vectors see, but not the other way.
case $technique in
fault) without=fault ;;
property) without=property ;;
vectors) exit 0 ;;
esac
expect 0 '^GREEN: ' "$ASSAY" check "$module" --without "$without" --runs 100 --out "$room/out"
