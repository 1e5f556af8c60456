# SPDX-License-Identifier: Apache-2.0
#
# Shows that shards are a partition: the results and the findings of three shards together are those
# of the whole run, each once. And what a shard says: its number, and that it is green without any
# cell only when the whole has some.
. "$(dirname "$0")/lib.sh"

# parts NAME ARGUMENTS...: the cells and findings of a run, sorted, without their order.
parts() {
    name=$1
    shift
    run "$ASSAY" check "$@" --out "$room/$name" --json "$room/$name.json"
    [ "$code" -le 1 ] || die "exit $code: $*"
    grep -e '"event":"case"' -e '"event":"finding"' "$room/$name/latest/events.jsonl" |
        LC_ALL=C sort >"$room/$name.parts"
}

for target in "so:$MODULES/nul_truncates.so" "so:$MODULES/prefix_compare.so"; do
    set -- "$target" --runs 100 --only vectors,property
    parts whole "$@"
    wanted=$code
    red=0
    for shard in 1 2 3; do
        parts "$shard" "$@" --shard "$shard/3"
        [ -s "$room/$shard.parts" ] || die "shard $shard has no cell"
        printf '%s\n' "$said" | tail -n 1 | grep -q ", shard $shard of 3, " ||
            die "the verdict does not name the shard"
        grep -q "\"shard\": \"$shard/3\"" "$room/$shard.json" || die "the document does not"
        [ "$code" -eq 0 ] || red=1
    done
    LC_ALL=C sort "$room/1.parts" "$room/2.parts" "$room/3.parts" >"$room/union"
    cmp "$room/whole.parts" "$room/union" || die "the shards together are not the whole: $target"
    [ "$wanted" -eq 1 ] && [ "$red" -eq 1 ] || die "the whole and the shards do not agree"
done
! grep -q '"shard"' "$room/whole.json" || die "a whole run says that it is a shard"

one='hashing.salts --only vectors'
expect 0 '^GREEN: .*shard 2 of 2, 0 findings, no case falls to this shard' \
    "$ASSAY" check reference --case $one --shard 2/2 --out "$room/none"
expect 0 '^GREEN: .*shard 1 of 2, 0 findings, seed' \
    "$ASSAY" check reference --case $one --shard 1/2 --out "$room/none"
expect 64 'no case matches' "$ASSAY" check reference --case no.such --shard 1/2 --out "$room/none"
for wrong in 0/2 3/2 1/0 1 x/2 1/x /2 1/ -1/2 1/10001; do
    expect 64 'shard wants' "$ASSAY" check reference --shard "$wrong"
done
expect 64 'options of check' "$ASSAY" compare reference reference --shard 1/2
