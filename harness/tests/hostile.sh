# SPDX-License-Identifier: Apache-2.0
#
# hostile.sh MODULE VERDICT: shows that whatever a target does to its process, the harness comes
# back with a finding of this verdict and a token that repeats it, and goes on with other cases.
#
# Only login misbehaves. The cases are outage.morning, which logs in, and hashing.*, which does not;
# by the order of techniques outage.morning (vectors) lies between hashing by vectors and hashing
# by property.
. "$(dirname "$0")/lib.sh"
module=so:$MODULES/$1.so verdict=$2

expect 1 '^REFUSED: ' "$ASSAY" check "$module" --hang-seconds 1 --case '[ho]*[hn]ing*' \
    --only vectors,property --runs 20 --out "$room/out"
has_event '"event":"finding"' '"case":"outage.morning"' "\"verdict\":\"$verdict\"" ||
    die "no finding with the verdict $verdict"
# Whatever it wrote over, nothing of that is taken for a result.
! printf '%s' "$said" | LC_ALL=C grep -q '[^ -~]' || die "bytes that are no text are printed"
! events | grep -q ':[0-9]\{12,\}' || die "a number that cannot be is reported"
for name in neighbours every_length salts rehash_settles; do
    has_event '"event":"case"' "\"case\":\"hashing.$name\"" '"property"' '"verdict":"PASS"' ||
        die "hashing.$name did not pass after the target had misbehaved"
done
[ "$(events | grep -c '"event":"finding"')" -eq 1 ] || die "there is more than one finding"
token=$(token_of vectors)
[ -n "$token" ] || die "the finding has no token"
expect 1 "^$verdict  outage.morning" "$ASSAY" replay "$token" "$module" --hang-seconds 1
expect 0 '^GREEN: ' "$ASSAY" replay "$token" "so:$MODULES/honest.so"
