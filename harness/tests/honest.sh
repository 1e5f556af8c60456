# SPDX-License-Identifier: Apache-2.0
#
# Shows that an honest target is green, by all cases and techniques: a target that shares no line
# with the reference, in a form of its own, on SQLite's default journal. It is what the liars and
# the hostile ones are made of, so whatever is found there is found for the right reason.
. "$(dirname "$0")/lib.sh"

expect 0 '^GREEN: ' "$ASSAY" check "so:$MODULES/honest.so" --out "$room/out"
for technique in vectors fault property; do
    has_event '"event":"case"' "\"technique\":\"$technique\"" '"verdict":"PASS"' ||
        die "nothing was checked by $technique"
done
! has_event '"verdict":"UNSUPPORTED"' || die "an operation is missing: not every case was tried"
