# SPDX-License-Identifier: Apache-2.0
#
# Shows what becomes of mutants, on a module that has one for each thing that can become of one
# (modules/mutated.c): by whom each is killed, that the others are not, and that this is so however
# many are judged at once, in parts, or after a kill. The mutant that stains its process is followed
# by one that changes nothing: without the run that proves the process clean, that one would be
# killed, too, and every row below shows that it is not.
. "$(dirname "$0")/lib.sh"
module=so:$MODULES/mutated.so

# judge CODE PATTERN FOLDER ARGUMENTS...: `assay mutants` with its document in FOLDER.json.
judge() {
    code_wanted=$1 line=$2 folder=$3
    shift 3
    expect "$code_wanted" "$line" "$ASSAY" mutants "$module" --hang-seconds 1 \
        --out "$room/$folder" --json "$room/$folder.json" "$@"
}

# fates FOLDER: a line for each mutant that was judged: key, state, by which verdict and technique.
fates() {
    sed -n 's/^ *"key": "0*\([0-9a-f]*\)".*/\1/p' "$room/$1.json" >"$room/keys"
    sed -n 's/^ *"state": "\(.*\)",$/\1/p' "$room/$1.json" >"$room/states"
    paste -d ' ' "$room/keys" "$room/states"
}

# All of them. The events are lines with everything in its place.
judge 2 '^TOO WEAK: .*, 11 of 11 mutants judged, 8 killed, 3 survive, score 72.7 %,' all --jobs 1
fate() {
    has_line "\"key\":\"00000000000000$1\"" "\"state\":\"$2\"" "$3" || die "$1: not $2, $3: $4"
}
has_line() {
    lines=$(grep '"event":"mutant"' "$room/all/latest/events.jsonl")
    for part; do
        lines=$(printf '%s\n' "$lines" | grep -e "$part") || return 1
    done
}
fate a1 killed '"verdict":"FAIL"' 'a wrong password is right'
fate a2 killed '"verdict":"FAIL"' 'long passwords are cut'
fate a3 survived '"killed_by":null' 'nobody can tell it from the original'
fate a4 'not reached' '"cells":0' 'no case has this cost'
fate a5 killed '"endless":true' 'a loop without an end, by its turns'
fate a6 killed '"verdict":"CRASH".*signal 11' 'a null pointer'
fate a7 killed '"technique":"fault"' 'an error that is ignored: only when that call fails'
fate a8 killed '"verdict":"CRASH".*exit(0)' 'it ends the process'
fate a9 killed '"verdict":"FAIL"' 'it stains its process'
fate aa killed '"verdict":"HANG".*"endless":false' 'it waits for ever'
fate ab survived '"killed_by":null' 'the same as the original, behind the stain'

# What is shown of a survivor, where its source cannot be read.
printf '%s\n' "$said" | grep -q '^+i != size$' || die "the change is not shown"
printf '%s\n' "$said" | grep -q 'mutant 00000000000000a3 --case [a-z_.]*$' || die "no line to try it"
printf '%s\n' "$said" | grep -q 'by no run of any case: it wants a case' || die "not reached"
printf '%s\n' "$said" | grep -q '^relational  *2  *2  *0  *0  *0.0 %$' || die "no row by operator"

# The same by any number of hands, and in parts that are put together again.
judge 2 '8 killed, 3 survive' again --jobs 3
cmp "$room/all.json" "$room/again.json" || die "three hands come to something else"
set -- --case 'hashing.[ae]*' --jobs 1
judge 2 ', 11 of 11 mutants judged, 5 killed' short "$@"
fates short | LC_ALL=C sort >"$room/whole"
for shard in 1 2 3; do
    run "$ASSAY" mutants "$module" "$@" --out "$room/part" --json "$room/part.json" --shard "$shard/3"
    [ "$code" -eq 2 ] || die "exit $code"
    fates part
done | LC_ALL=C sort >"$room/parts"
cmp "$room/whole" "$room/parts" || die "the shards together are not the whole"

# A sample is always the same one, and a part of a larger one.
judge 2 ', 5 of 11 mutants judged' five "$@" --sample 5
judge 2 ', 8 of 11 mutants judged' eight "$@" --sample 8
fates five | LC_ALL=C sort >"$room/five.fates"
fates eight | LC_ALL=C sort >"$room/eight.fates"
[ "$(LC_ALL=C comm -12 "$room/five.fates" "$room/eight.fates" | wc -l)" -eq 5 ] || die "not a part of it"
judge 2 ', 11 of 11 mutants judged' many "$@" --sample 500

# Gone on with behind every line: nothing is judged twice, and the document is the same.
cp "$room/short/latest/events.jsonl" "$room/events"
mkdir "$room/cut"
for line in 1 2 5 9 13; do
    head -n "$line" "$room/events" >"$room/cut/events.jsonl"
    sed -n "$((line + 1))p" "$room/events" | head -c 40 >>"$room/cut/events.jsonl"
    judge 2 ' survive' cut "$@" --resume="$room/cut"
    cmp "$room/short.json" "$room/cut.json" || die "another document, cut at $line"
    [ "$(grep -c '"event":"mutant"' "$room/cut/events.jsonl")" -eq 11 ] || die "judged twice"
done
judge 2 'was complete: here it is again' cut "$@" --resume="$room/cut"
judge 64 '"sample" was 0 and is 3' cut "$@" --resume="$room/cut" --sample 3
wrong() {
    sed -E "$1" "$room/events" >"$room/cut/events.jsonl"
    judge 64 "line $2 of .* is not what a run writes" cut --case 'hashing.[ae]*' --resume="$room/cut"
}
wrong '3s/"key":"0/"key":"f/' 3      # no such mutant
wrong '3{p;}' 4                      # told twice
wrong '3s/"state":"[a-z]*"/"state":"fine"/' 3
wrong '3s/"killed_by":.*/"killed_by":null}/' 3
wrong '3s/"verdict":"[A-Z]*"/"verdict":"PASS"/' 3
wrong '3s/"runs":/"runs":-/' 3
wrong '4s/.*/{"event":"case"}/' 4    # of another kind of run

# One mutant switched on: the same finding by check, and by the token of its kill.
expect 1 '^REFUSED: .*@00000000000000a7, ' "$ASSAY" check "$module" --mutant 00000000000000a7 \
    --case hashing.short_of_memory --out "$room/one"
expect 0 '^GREEN: ' "$ASSAY" check "$module" --mutant 00000000000000a3 \
    --case hashing.short_of_memory --out "$room/one"
token=$(sed -n 's/.*"key":"00000000000000a7".*"token":"\([^"]*\)".*/\1/p' "$room/all/latest/events.jsonl")
expect 1 '^REFUSED: ' "$ASSAY" replay "$token" "$module@00000000000000a7"
expect 0 '^GREEN: ' "$ASSAY" replay "$token" "$module"
expect 3 'it has no mutant with this key' "$ASSAY" replay "$token" "$module@00000000000000ff"
expect 3 'it has no mutants' "$ASSAY" check "so:$MODULES/honest.so" --mutant 00000000000000a7 \
    --case hashing.salts --out "$room/one"
expect 64 'a key of sixteen hexadecimal digits' "$ASSAY" check "$module" --mutant a7

# Suppressions: a row is what the file says, and what is said of it.
line() {
    printf '[%s]\nreason = %s\nexpires = %s\n' "$1" "$2" "$3"
}
suppressed() {
    cat >"$room/suppressions.ini"
    judge "$1" "$2" suppressed --case 'hashing.[ae]*' --suppressions "$room/suppressions.ini"
}
{ line 00000000000000a3 'no length is negative' 2999-12-31; line 00000000000000ab same 2999-12-31; } |
    suppressed 2 '^all  *11  *[0-9]*  *[0-9]*  *2 '
line 00000000000000a1 'it is killed' 2999-12-31 |
    suppressed 2 'this mutant is killed, so the line must go: 00000000000000a1'
line 00000000000000ff 'it is gone' 2999-12-31 |
    suppressed 2 'there is no such mutant any more: 00000000000000ff'
line 00000000000000a3 'it is over' 2020-12-31 |
    suppressed 2 'suppressions.ini:1: the suppression has expired: 2020-12-31'
line 00000000000000a3 '' 2999-12-31 | suppressed 2 'suppressions.ini:1: a reason is missing'
judge 2 'cannot be read' suppressed --suppressions "$room/nowhere.ini"

# Only what has changed, in a small repository; here the source is there to be shown.
mkdir -p "$room/home/src"
cd "$room/home"
for number in $(seq 30); do
    printf '    int line%s;\n' "$number"
done >src/small.c
git init -q .
git add .
git -c user.name=a -c user.email=a@b.c commit -q -m first
sed -i '3s/.*/    for (size_t i = 0; i < size; i++)/; 4,6d' src/small.c
sed -i '8s/.*/    changed/' src/small.c
judge 2 ', 2 of 11 mutants judged, 1 killed, 1 survive' since "$@" --since HEAD
printf '%s\n' "$said" | grep -qx -e '-    for (size_t i = 0; i < size; i++)' || die "not as it was"
printf '%s\n' "$said" | grep -qx -e '+    for (size_t i = 0; i != size; i++)' || die "not as it would be"
git -c user.name=a -c user.email=a@b.c commit -q -a -m second
judge 0 '^GREEN: .*, 0 of 11 mutants judged' since "$@" --since HEAD
judge 64 'git does not say what changed since nowhere' since --since nowhere
judge 64 'this is no revision: --output=x' since --since=--output=x

# What cannot be judged at all.
expect 3 'there are no mutants in' "$ASSAY" mutants "so:$MODULES/honest.so" --out "$room/no"
expect 3 'the baseline is not green.*hashing.salts by vectors' \
    "$ASSAY" mutants "so:$MODULES/mutated_red.so" --out "$room/no" --case 'hashing.salts'
expect 64 'are options of mutants' "$ASSAY" check reference --sample 3
