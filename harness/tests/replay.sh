# SPDX-License-Identifier: Apache-2.0
#
# replay.sh VARIANT: shows that the token of a finding repeats it twenty times out of twenty, each
# time in a fresh process and with the same story, and that the token is green on the reference.
. "$(dirname "$0")/lib.sh"

expect 1 '^REFUSED: ' "$ASSAY" check "$1" --first --out "$room/out" --json "$room/found.json"
token=$(sed -n 's/.*"token": "\([^"]*\)".*/\1/p' "$room/found.json" | head -n 1)
[ -n "$token" ] || die "no token in the document"
for time in $(seq 20); do
    expect 1 "^REFUSED: .* on $1" "$ASSAY" replay "$token"
    [ "$said" = "${story=$said}" ] || die "replay $time tells another story"
done
expect 0 '^GREEN: .* on reference' "$ASSAY" replay "$token" reference
