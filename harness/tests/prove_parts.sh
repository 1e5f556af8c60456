# SPDX-License-Identifier: Apache-2.0
#
# Shows that a proof can be cut into parts and gone on with: all parts together judge each change
# once, and a killed proof comes to what it would have come to, judging nothing twice. One case by
# one technique, and for what goes on a part of about five changes, so that it takes seconds; most
# defects survive that.
. "$(dirname "$0")/lib.sh"
example=$SOURCE/coverage/example
set -- --case hashing.short_of_memory --only fault --cell-ms 200

# names FILE: the changes of a document.
names() {
    sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p' "$1" | LC_ALL=C sort
}
# All parts together.
parts() {
    "$ASSAY" prove --case hashing.short_of_memory --only fault --patches "$example/changes" \
        --gate "$example/gate.ini" --source "$example/source" --out "$room/part" --json "$room/part.json" \
        --build "${CC:-cc} -g -fPIC -shared -I$SOURCE *.c -lsodium -o \"\$ASSAY_MODULE\"" "$@"
}
expect 0 '^GREEN: 3 defects, 0 survive' parts
names "$room/part.json" >"$room/names"
[ "$(wc -l <"$room/names")" -eq 5 ] || die "there are not five changes"
: >"$room/parts"
for part in 1 2 3; do
    run parts --shard "$part/3"
    [ "$code" -eq 0 ] || die "part $part exits $code"
    printf '%s\n' "$said" | grep -q "shard $part of 3" || die "it does not say that it is a part"
    printf '%s\n' "$said" | grep -q '^-   defects  .*one of several parts' || die "it judges the whole"
    names "$room/part.json" >>"$room/parts"
done
LC_ALL=C sort "$room/parts" | cmp - "$room/names" || die "the parts are not the whole"

set -- "$@" --shard "1/$(($("$ASSAY" list defects | wc -l) / 5))"
run "$ASSAY" prove "$@" --out "$room/whole" --json "$room/whole.json"
ends=$code
[ "$code" -eq 0 ] || [ "$code" -eq 2 ] || die "it exits $code"
names "$room/whole.json" >"$room/whole.names"
[ "$(wc -l <"$room/whole.names")" -ge 5 ] || die "there are not five changes"

# Cut off behind each event, as a kill would leave it. What differs is the time it took.
plain() {
    sed '/"cpu_us"/d; /"cells"/d; /"cut"/d' "$1"
}
plain "$room/whole.json" >"$room/whole.plain"
events=$(cat "$room/whole/latest/events.jsonl")
lines=$(printf '%s\n' "$events" | wc -l)
mkdir "$room/cut"
for line in 1 2 3 $((lines / 2)) $((lines - 2)) $((lines - 1)); do
    printf '%s\n' "$events" | head -n "$line" >"$room/cut/events.jsonl"
    printf '%s\n' "$events" | sed -n "$((line + 1))p" | head -c 30 >>"$room/cut/events.jsonl"
    before=$(grep -c '"event":"exhibit"' "$room/cut/events.jsonl" || true)
    expect "$ends" ' defects, ' "$ASSAY" prove "$@" --resume="$room/cut" --json "$room/cut.json"
    plain "$room/cut.json" | cmp - "$room/whole.plain" || die "it is another proof, cut at $line"
    judged=$(grep -c '"event":"exhibit"' "$room/cut/events.jsonl")
    [ "$judged" -eq "$(wc -l <"$room/whole.names")" ] || die "$judged were judged, $before before"
done
expect 64 '"runs" was 400 and is 7' "$ASSAY" prove "$@" --runs 7 --resume="$room/cut"
sed -i 's/"event":"exhibit","name"/"event":"exhibit","nam"/' "$room/cut/events.jsonl"
sed -i '$d' "$room/cut/events.jsonl"
run "$ASSAY" prove "$@" --resume="$room/cut" --json "$room/cut.json"
[ "$code" -eq "$ends" ] && plain "$room/cut.json" | cmp - "$room/whole.plain" ||
    die "what nobody is called was taken for something"
sed 's/"refused":/"refused":7,"was":/' "$room/whole/latest/events.jsonl" | sed '$d' >"$room/cut/events.jsonl"
expect 64 'is not what a run writes' "$ASSAY" prove "$@" --resume="$room/cut"
