# SPDX-License-Identifier: Apache-2.0
#
# lie_in.sh MODULE TECHNIQUE HONEST CASE: shows that this case refuses a target which lies about one
# thing, by this technique, with a token that finds it again; and that what the target would be if it
# did not lie is green. Which other cases see the lie, too, is not asked.
. "$(dirname "$0")/lib.sh"
module=so:$MODULES/$1.so technique=$2 honest=so:$MODULES/$3.so case=$4

expect 1 '^REFUSED: ' "$ASSAY" check "$module" --only "$technique" --case "$case" --first --out "$room/out"
token=$(token_of "$technique")
[ -n "$token" ] || die "no finding by $technique, or none with a token"
expect 1 '^REFUSED: ' "$ASSAY" replay "$token" "$module"
expect 0 '^GREEN: ' "$ASSAY" check "$honest" --case "$case" --out "$room/out"
