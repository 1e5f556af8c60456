# SPDX-License-Identifier: Apache-2.0
#
# Shows what a file of known findings does, and that it cannot outlive what it speaks of: on the
# libsodium that is installed, by a copy of the program with files of its own beside it. What each
# line may be is tested in harness/run/tests/known_test.c.
. "$(dirname "$0")/lib.sh"
cases='hashing.short_of_memory'

# As it is delivered: a true finding, shown, and not refused for. And without the file.
expect 0 '^GREEN: libsodium, [0-9]* findings (' "$ASSAY" check libsodium --without regressions --out "$room/out"
printf '%s\n' "$said" | grep -q '^FAIL  known hashing.short_of_memory ' || die "the finding is not shown as known"
printf '%s\n' "$said" | grep -q '^      known     until 20' || die "it is not said why it is not mended"
expect 1 '^REFUSED: libsodium' "$ASSAY" check libsodium --no-known-findings --case "$cases" --out "$room/out"
printf '%s\n' "$said" | grep -q 'the right password is answered denied, because something failed' ||
    die "libsodium's crypto_pwhash_str_verify is not found guilty"

# Beside a copy of the program.
mkdir -p "$room/bin/targets/known"
cp "$ASSAY" "$room/bin/assay"
cp "$(dirname "$ASSAY")/targets/libsodium.so" "$(dirname "$ASSAY")/targets/reference.so" "$room/bin/targets"
# known CASE MESSAGE EXPIRES [SITE]
known() {
    printf '[%s]\nmessage = %s\nreason = a test\nexpires = %s\nsite = %s\n' "$1" "$2" "$3" "${4:-}" \
        >"$room/bin/targets/known/libsodium.ini"
}
check() {
    wanted=$1 pattern=$2
    shift 2
    expect "$wanted" "$pattern" "$room/bin/assay" check libsodium --case "$cases" --without regressions --out "$room/out" "$@"
}
known "$cases" 'is answered denied' 2999-12-31
check 0 '^GREEN: .*1 finding (1 known)'
known "$cases" 'is answered denied' 2999-12-31 'crypto_pwhash_str_verify'
check 0 '^GREEN: .*1 finding (1 known)'
known "$cases" 'is answered denied' 2999-12-31 'disk.write'
check 1 '^REFUSED: '
known "$cases" 'something else' 2999-12-31
check 1 '^REFUSED: '
known "$cases" 'is answered denied' 2020-12-31
check 1 '^REFUSED: .*1 finding, ' # a line that has expired covers nothing
known hashing.salts 'no such thing' 2999-12-31
expect 2 'hashing.salts does not show this any more' "$room/bin/assay" check libsodium --case hashing.salts --out "$room/out"
expect 0 '^GREEN: ' "$room/bin/assay" check libsodium --case hashing.salts --only vectors --out "$room/out" # tried in part only
expect 0 '^GREEN: ' "$room/bin/assay" check libsodium --case hashing.salts --no-known-findings --out "$room/out"
known hashing.salts 'no such thing' 2020-12-31
expect 2 'the known finding has expired: hashing.salts' "$room/bin/assay" check libsodium --case hashing.salts --out "$room/out"
known no.such.case 'x' 2999-12-31
expect 2 'there is no case' "$room/bin/assay" check libsodium --case hashing.salts --out "$room/out"
