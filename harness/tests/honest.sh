# SPDX-License-Identifier: Apache-2.0
#
# honest.sh MODULE [WITHOUT]: shows that an honest target is green, by all cases and techniques: a
# target that shares no line with the reference, in a form of its own, on SQLite's default journal.
# It is what the liars and the hostile ones are made of, so whatever is found there is found for the
# right reason. WITHOUT names the cases for which it has not what they need, and no others.
. "$(dirname "$0")/lib.sh"

expect 0 '^GREEN: ' "$ASSAY" check "so:$MODULES/$1.so" --runs 400 --out "$room/out"
for technique in vectors fault property; do
    has_event '"event":"case"' "\"technique\":\"$technique\"" '"verdict":"PASS"' ||
        die "nothing was checked by $technique"
done
without=$(events | grep '"event":"case"' | grep '"verdict":"UNSUPPORTED"' |
    sed 's/.*"case":"\([^"]*\)".*/\1/' | sort -u)
others=$(printf '%s' "$without" | grep -Evx "${2:-}" || true)
[ -z "$others" ] || die "an operation is missing: not tried were $others"
[ -z "${2:-}" ] || [ -n "$without" ] || die "it has everything: WITHOUT is out of date"
