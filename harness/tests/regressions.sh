# SPDX-License-Identifier: Apache-2.0
#
# Shows that kept tokens are run first, on whatever is judged; that each known defect of which one
# is kept is found by it; that a line which says nothing any more is never passed over in silence;
# and that `assay keep` writes what is read.
. "$(dirname "$0")/lib.sh"
kept=$SOURCE/cases/regressions

# --- The kept ones: green on the reference, red on what they were found on.
expect 0 '^GREEN: ' "$ASSAY" check reference --only regressions,vectors --out "$room/out"
events | grep '"event":"case"' | head -n 1 | grep -q '"technique":"regressions"' || die 'they are not first'
! has_event '"technique":"regressions"' '"verdict":"[^P]' || die 'a kept token does not pass'
for variant in inc-b64-plus-mangled inc-memlimit-enomem inc-rehash-truncates; do
    expect 1 '^ *1  ' "$ASSAY" check "$variant" --only regressions --first --out "$room/out"
    token=$(token_of regressions)
    expect 1 "^REFUSED: .* on $variant" "$ASSAY" replay "$token"
    expect 0 '^GREEN: .* on reference' "$ASSAY" replay "$token" reference
done

# --- They prove nothing: a defect that only they find has been recorded, not detected.
expect 64 'no case matches' "$ASSAY" prove --only regressions --out "$room/out"

# --- For any target, which must be said.
token=$(cat "$kept"/*.tokens | grep -v '^#' | head -n 1)
expect 64 'say which, assay replay TOKEN TARGET' "$ASSAY" replay "$token"
expect 0 '^GREEN: .* on reference' "$ASSAY" replay "$token" reference

# --- Where they are looked for. A row: exit code, what is printed, arguments of check.
row() {
    wanted=$1 pattern=$2
    shift 2
    expect "$wanted" "$pattern" "$ASSAY" check reference --case hashing.salts --out "$room/out" "$@"
}
good=$(with_checksum 'assay1:*:hashing.salts:2Rw')
mkdir "$room/none" "$room/lines"
row 64 'wants a folder' --regressions "$room/nowhere"
row 2 'no token is kept in ' --only regressions,vectors --regressions "$room/none"
row 2 'no token is kept in ' --only regressions --regressions "$room/none"
row 0 '^GREEN: ' --without regressions --regressions "$room/none"
# a program that was copied elsewhere finds them beside its modules, or does without
mkdir -p "$room/bin/targets"
cp "$ASSAY" "$room/bin/assay"
cp "$(dirname "$ASSAY")/targets/reference.so" "$room/bin/targets/"
expect 0 '^GREEN: ' "$room/bin/assay" check reference --case hashing.salts --only regressions,vectors --out "$room/out"
! has_event '"technique":"regressions"' || die 'there are none'
mkdir "$room/bin/targets/regressions"
expect 0 '^GREEN: ' "$room/bin/assay" check reference --case hashing.salts --only regressions,vectors --out "$room/out"
printf '# all at its origin\n%s\n' "$good" >"$room/bin/targets/regressions/hashing.tokens"
expect 0 '^GREEN: ' "$room/bin/assay" check reference --case hashing.salts --only regressions,vectors --out "$room/out"
has_event '"technique":"regressions"' '"verdict":"PASS"' || die 'it was not run'

# --- Lines that say nothing. A row: what is printed, and the third line of the file.
line() {
    printf '# a good one\n%s\n%s\n' "$good" "$2" >"$room/lines/hashing.tokens"
    row 2 "$1" --only regressions,vectors --regressions "$room/lines"
}
line 'hashing.tokens:3 is not a token that is kept: its checksum' "${good%?}x"
line 'hashing.tokens:3 is not a token that is kept: it does not begin' 'hello, world'
line 'hashing.tokens:3 is not a token that is kept: it does not begin' " $good"
line 'names a case that is not there' "$(with_checksum 'assay1:*:no.such.case:2Rw')"
line 'it is for one target only' "$(with_checksum 'assay1:reference:hashing.salts:2Rw')"
line 'VACUOUS .*hashing.salts .*hashing.tokens:3 is stale: draw 1 is another one now' \
    "$(with_checksum 'assay1:*:hashing.salts:AAAACA')"
line 'VACUOUS .*hashing.salts .*hashing.tokens:3 is stale: a draw up to draw 0' "$(with_checksum 'assay1:*:hashing.salts:AAA')"
row 0 '^GREEN: ' --without regressions --regressions "$room/lines"
mkdir "$room/lines/folder.tokens"
row 2 'cannot read .*folder.tokens' --only regressions,vectors --regressions "$room/lines"
rm -r "$room/lines"

# --- Of a target that draws otherwise, within limits of its own, the line says nothing; that is no
# fault of the line, as long as the reference draws what it says.
expect 1 '^REFUSED: ' "$ASSAY" check inc-rehash-truncates --case compat.older_rows --only property --out "$room/out"
mkdir "$room/limits"
expect 0 '^kept in ' "$ASSAY" keep "$(token_of property)" --regressions "$room/limits"
expect 0 '^GREEN: ' "$ASSAY" check "so:$MODULES/honest.so" --only regressions,vectors --regressions "$room/limits" --out "$room/out"
has_event '"technique":"regressions"' '"verdict":"UNSUPPORTED"' 'draws otherwise' || die 'it was run'

# --- Keeping.
cd "$room"
expect 64 'there is no folder cases/regressions here: make it' "$ASSAY" keep "$good"
mkdir -p cases/regressions
expect 0 '^kept in cases/regressions/hashing.tokens$' "$ASSAY" keep "$good" --note 'salts were alike'
expect 0 '^it is kept already in cases/regressions/hashing.tokens$' "$ASSAY" keep "$good" --note 'again'
other=$(with_checksum 'assay1:old,new:hashing.every_length:2Rw')
truncate -s -1 cases/regressions/hashing.tokens # an editor may leave out the last newline
expect 0 '^kept in ' "$ASSAY" keep "$other"
said=$(cat cases/regressions/hashing.tokens)
[ "$said" = "# salts were alike
$good
# found on old,new: it does not hold that $("$ASSAY" list cases | grep -A 1 '^hashing.every_length ' | tail -n 1 | sed 's/^ *//')
$(with_checksum 'assay1:*:hashing.every_length:2Rw')" ] || die 'the file is not what was kept'
[ "$(ls cases/regressions)" = hashing.tokens ] || die 'something is left behind'
row 0 '^GREEN: ' --only regressions --regressions cases/regressions
expect 64 'this is not a token' "$ASSAY" keep 'assay1:'
expect 64 'names a case that is not there' "$ASSAY" keep "$(with_checksum 'assay1:t:no.such.case:2Rw')"
expect 64 'a note is one line' "$ASSAY" keep "$good" --note "two
lines"
expect 64 'a note is one line' "$ASSAY" keep "$good" --note ''
expect 64 'wants a folder' "$ASSAY" keep "$good" --regressions nowhere
mkdir cases/regressions/compat.tokens
expect 70 'cannot write cases/regressions/compat.tokens' "$ASSAY" keep "$(with_checksum 'assay1:t:compat.current_rows:2Rw')"
