# SPDX-License-Identifier: Apache-2.0
#
# Shows that a run which was killed can be gone on with, and comes to what it would have come to:
# the same document byte for byte, the same exit code, no cell run twice. The run is killed for
# real, several times, after a number of cells that chance picks; then its events are cut off behind
# every line and within one, which no kill could be made to do at will. What is not the same run, or
# not what a run writes, is refused.
. "$(dirname "$0")/lib.sh"
red="so:$MODULES/prefix_compare.so"

# is_whole FOLDER CELLS: each cell was finished once.
is_whole() {
    sed -n 's/^{"event":"case","case":"\([^"]*\)","technique":"\([^"]*\)".*/\1 \2/p' \
        "$1/events.jsonl" | LC_ALL=C sort >"$room/cells"
    [ "$(wc -l <"$room/cells")" -eq "$2" ] || die "$(wc -l <"$room/cells") cells instead of $2"
    [ -z "$(uniq -d "$room/cells")" ] || die "run twice: $(uniq -d "$room/cells")"
}
count_cells() {
    grep -c '"event":"case"' "$1/events.jsonl" 2>/dev/null || true
}
has_cells() {
    [ "$(count_cells "$1")" -ge "$2" ] 2>/dev/null
}

# Killed in the middle, at four moments, and gone on with.
set -- "$red" --runs 800 --only vectors,property --jobs 2
expect 1 '^REFUSED: ' "$ASSAY" check "$@" --out "$room/whole" --json "$room/whole.json"
cells=$(count_cells "$room/whole/latest")
how= kills=0 done=0
for part in 1 2 3 4; do
    random=$(od -An -tu1 -N1 /dev/urandom | tr -d ' ')
    stop=$((done + 1 + random % (cells / 6)))
    "$ASSAY" check "$@" --out "$room/out" $how >"$room/said" 2>&1 </dev/null &
    run=$!
    await has_cells "$room/out/latest" "$stop" || die "there are no $stop cells"
    kill -9 "$run" 2>/dev/null && kills=$((kills + 1))
    wait "$run" 2>/dev/null || true
    done=$(count_cells "$room/out/latest") how=--resume
done
[ "$kills" -eq 4 ] || die "the run was over after $kills kills"
! grep -q '"event":"verdict"' "$room/out/latest/events.jsonl" || die "the run was over too soon"
expect 1 '^REFUSED: ' "$ASSAY" check "$@" --out "$room/out" --resume --json "$room/out.json"
cmp "$room/whole.json" "$room/out.json" || die "the document is another one after four kills"
is_whole "$room/out/latest" "$cells"
[ "$(grep -c '"event":"resumed"' "$room/out/latest/events.jsonl")" -eq 4 ] || die "not resumed"

# Cut off behind every line, and within the next one.
set -- "$red" --runs 40 --case '[he]*[gn].[nc]*' --only vectors,property --jobs 1
expect 1 '^REFUSED: ' "$ASSAY" check "$@" --out "$room/small" --json "$room/small.json"
cells=$(count_cells "$room/small/latest")
events=$(cat "$room/small/latest/events.jsonl")
lines=$(printf '%s\n' "$events" | wc -l)
printf '%s\n' "$events" | grep -q '"event":"finding"' || die "there is no finding to be cut off"

# A failure is there before it is made smaller, with a token that replays it.
line_of() {
    printf '%s\n' "$events" | grep -n "\"event\":\"$1\"" | head -n 1 | cut -d : -f 1
}
[ "$(line_of found)" -lt "$(line_of finding)" ] || die "a failure is told only when it is small"
token=$(printf '%s\n' "$events" | sed -n "$(line_of found)s/.*\"token\":\"\([^\"]*\)\".*/\1/p")
expect 1 '^REFUSED: ' "$ASSAY" replay "$token" "$red"
[ "$token" != "$(printf '%s\n' "$events" |
    sed -n "$(line_of finding)s/.*\"token\":\"\([^\"]*\)\".*/\1/p")" ] || die "it is small already"

mkdir "$room/cut"
for line in $(seq 1 "$((lines - 1))"); do
    printf '%s\n' "$events" | head -n "$line" >"$room/cut/events.jsonl"
    printf '%s\n' "$events" | sed -n "$((line + 1))p" | head -c 40 >>"$room/cut/events.jsonl"
    expect 1 '^REFUSED: ' "$ASSAY" check "$@" --resume="$room/cut" --json "$room/cut.json"
    cmp "$room/small.json" "$room/cut.json" || die "the document is another one, cut at $line"
    is_whole "$room/cut" "$cells"
done

# One that is over is told again, with its exit code.
cp "$room/cut/events.jsonl" "$room/before"
expect 1 'was complete: here it is again' "$ASSAY" check "$@" --resume="$room/cut" \
    --json "$room/cut.json"
cmp "$room/small.json" "$room/cut.json" || die "the document is another one, told again"
cmp "$room/before" "$room/cut/events.jsonl" || die "telling again writes events"
expect 0 '^GREEN: ' "$ASSAY" check reference --case hashing.salts --out "$room/green"
expect 0 'here it is again' "$ASSAY" check reference --case hashing.salts --out "$room/green" --resume

# Another run. The first row is the control: the same, and it is not refused.
cp "$MODULES/prefix_compare.so" "$room/mine.so"
set -- "so:$room/mine.so" --case hashing.salts --only vectors --runs 40
expect 0 '^GREEN: ' "$ASSAY" check "$@" --out "$room/mine"
row() {
    wanted=$1 pattern=$2
    shift 2
    expect "$wanted" "$pattern" "$ASSAY" check "$@" --out "$room/mine" --resume
}
row 0 'here it is again' "$@"
row 0 'here it is again' "$@" --jobs 3 --verbose
row 64 '"seed" was 1 and is 2' "$@" --seed 2
row 64 '"runs" was 40 and is 41' "$@" --runs 41
row 64 '"techniques" was \["vectors"\] and is' "so:$room/mine.so" --case hashing.salts --runs 40
row 64 '"case" was "hashing.salts" and is null' "so:$room/mine.so" --only vectors --runs 40
row 64 '"first" was false and is true' "$@" --first
row 64 '"shard" was "1/1" and is "1/2"' "$@" --shard 1/2
row 64 '"hang_seconds" was 10 and is 3' "$@" --hang-seconds 3
row 64 '"target" was ' reference --case hashing.salts --only vectors --runs 40
printf x >>"$room/mine.so"
row 64 'the target has changed since' "$@"
expect 64 'No such file' "$ASSAY" check "$@" --resume="$room/nowhere"
expect 64 'options of check' "$ASSAY" compare reference reference --resume
expect 0 '^GREEN: ' "$ASSAY" check reference --case hashing.salts --out "$room/other"
sed -i 's/"program":"./"program":"x/' "$room/other/latest/events.jsonl"
expect 64 'this program was built anew' "$ASSAY" check reference --case hashing.salts \
    --out "$room/other" --resume

# Not what a run writes: a row is what becomes of the whole events, and the line that is refused.
set -- "$red" --runs 40 --case '[he]*[gn].[nc]*' --only vectors,property
wrong() {
    line=$1
    shift
    printf '%s\n' "$events" | sed -E "$@" >"$room/cut/events.jsonl"
    expect 64 "$line" "$ASSAY" check "$red" --runs 40 --case '[he]*[gn].[nc]*' \
        --only vectors,property --resume="$room/cut"
}
found=$(line_of finding)
wrong 'line 3 of' '3s/.*/nonsense/'
wrong 'line 3 of' '3s/.*//'
wrong 'line 3 of' '3s/.*/{"event":"nonsense"}/'
wrong 'line 3 of' '3s/"event":"case"/"event":"case","event":"case"/'
wrong 'line 3 of' '3s/"case":"[^"]*"/"case":"no.such"/'
wrong 'line 3 of' '3s/"technique":"[^"]*"/"technique":"fault"/'
wrong 'line 3 of' '3s/"verdict":"[^"]*"/"verdict":"FINE"/'
wrong 'line 3 of' '3s/"runs":/"runs":-/'
wrong 'line 3 of' '3s/"runs":[0-9]+,//'
wrong 'line 4 of' '3{p;}' # told twice
wrong "line $found of" "${found}s/\"token\":\"[^\"]*\"/\"token\":7/"
wrong "line $found of" "${found}s/\"failed\":0/\"failed\":1/"
wrong "line $((found + 1)) of" "$((found + 1))d" # a finding whose result is missing
wrong 'does not begin with a run' '1d'
wrong 'not a single whole line' 'd'
{
    printf '%s\n' "$events" | head -n 2
    head -c 1100000 /dev/zero | tr '\0' x
    printf '\n'
} >"$room/cut/events.jsonl"
expect 64 'line 3 of .* is too long' "$ASSAY" check "$@" --resume="$room/cut"

# A run that is still going on is left alone.
"$ASSAY" check "so:$MODULES/spins.so" --case outage.morning --only vectors --hang-seconds 60 \
    --out "$room/busy" >/dev/null 2>&1 </dev/null &
run=$!
is_loaded() {
    grep -q '"event":"loaded"' "$room/busy/latest/events.jsonl" 2>/dev/null
}
await is_loaded || die "the run does not begin"
expect 64 'still going on' "$ASSAY" check "so:$MODULES/spins.so" --case outage.morning \
    --only vectors --hang-seconds 60 --out "$room/busy" --resume
kill "$run"
wait "$run" 2>/dev/null || true

# A finding that was taken out of the events does not turn the run green.
expect 1 '^REFUSED: ' "$ASSAY" check "so:$MODULES/nul_truncates.so" --only property --case 'hashing.*' --out "$room/cut"
sed -i '/"event":"finding"/d; /"event":"verdict"/d' "$room/cut/latest/events.jsonl"
expect 64 'is not what a run writes' "$ASSAY" check "so:$MODULES/nul_truncates.so" --only property --case 'hashing.*' \
    --out "$room/cut" --resume
