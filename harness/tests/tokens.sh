# SPDX-License-Identifier: Apache-2.0
#
# Shows that a token is repeated exactly or refused with 64, never replayed as something else: cut
# at every place, mistyped at every place, empty, garbage, as long as a command line can be, for a
# case that is gone, for draws that have changed, which are named. A good token is made of a finding
# first.
. "$(dirname "$0")/lib.sh"

expect 1 '^REFUSED: ' "$ASSAY" check inc-memlimit-enomem --case outage.morning --first --out "$room/out"
token=$(token_of fault)
expect 1 '^REFUSED: ' "$ASSAY" replay "$token"
body=${token%:*}
[ "$(with_checksum "$body")" = "$token" ] || die "this test computes another checksum"

refused() {
    expect 64 "$1" "$ASSAY" replay "$2"
}
size=${#token}
for place in $(seq 0 "$size"); do
    if [ "$place" -lt "$size" ]; then
        refused 'this is not a token' "$(printf '%s' "$token" | head -c "$place")"
        letter=$(printf '%s' "$token" | tail -c +"$((place + 1))" | head -c 1)
        [ "$letter" = x ] && other=y || other=x
        refused 'this is not a token' "$(printf '%s' "$token" | head -c "$place")$other$(
            printf '%s' "$token" | tail -c +"$((place + 2))")"
    fi
done
refused 'this is not a token' ''
refused 'this is not a token' 'assay1:'
refused 'this is not a token' 'hello, world'
refused 'this is not a token' "$token$token"
refused 'this is not a token' "x$(head -c 3000 /dev/urandom | tr -d '\0')" # never an option
refused 'this is not a token' "assay1:$(head -c 130000 /dev/zero | tr '\0' A)"
refused 'this is not a token' "$(with_checksum assay1)"
refused 'this is not a token' "$(with_checksum assay1:reference:hashing.salts)"
refused 'payload is too short' "$(with_checksum assay1:reference:hashing.salts:)"
refused 'payload is too short' "$(with_checksum assay1:reference:hashing.salts:AA)"
refused 'this is not a token' "$(with_checksum 'assay1:refer ence:hashing.salts:AAA')"
refused 'this is not a token' "$(with_checksum 'assay1:reference:hashing.salts:A+A')"
refused 'payload is not valid' "$(with_checksum assay1:reference:hashing.salts:AACA)"
refused 'more choices than a run may have' \
    "$(with_checksum "assay1:reference:hashing.salts:$(head -c 40000 /dev/zero | tr '\0' A)")"
refused 'names a case that is not there: no.such.case' "$(with_checksum assay1:reference:no.such.case:AAA)"
payload=${body##*:}
# The hash of all draws is another one, then the four bits of the first one, then its value is not
# within its bounds.
refused 'the token is stale: a draw up to draw [0-9]* is another one now, which one cannot be told' \
    "$(with_checksum "${body%:*}:__${payload#??}")"
refused 'the token is stale: draw 1 is another one now, of 0..2147483647 with the origin 0' \
    "$(with_checksum assay1:reference:hashing.salts:AAAACA)"
refused 'the token is stale: draw 1 is another one now, of 0..2147483647 with the origin 0' \
    "$(with_checksum assay1:reference:hashing.salts:AAAGAQ)"
refused 'say which, assay replay TOKEN TARGET' "$(with_checksum "assay1:*:outage.morning:$payload")"
expect 1 '^REFUSED: ' "$ASSAY" replay "$(with_checksum "assay1:*:outage.morning:$payload")" inc-memlimit-enomem
refused 'this is not a token' "$(with_checksum "assay1:ref*:outage.morning:$payload")"
refused 'say which, assay replay TOKEN so:PATH' "$(with_checksum "assay1:so:outage.morning:$payload")"
expect 3 'there is no target "nobody"' "$ASSAY" replay "$(with_checksum "assay1:nobody:outage.morning:$payload")"
