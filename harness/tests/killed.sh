# SPDX-License-Identifier: Apache-2.0
#
# Shows that a run which is killed loses nothing that it had found and leaves nothing behind: its
# events are whole lines, each of them JSON, no process of it outlives it, and no folder stays. The
# run is killed at several moments; each time it must have hands, workers and some events before.
. "$(dirname "$0")/lib.sh"
export TMPDIR="$room/tmp"
mkdir "$TMPDIR"

# has_events COUNT FILE
has_events() {
    seen=$(grep -c . "$2" 2>/dev/null) || seen=0
    [ "$seen" -ge "$1" ]
}

for lines in 1 3 9; do
    out=$room/out.$lines
    events=$out/latest/events.jsonl
    "$ASSAY" check reference --jobs 2 --out "$out" >"$room/said" 2>&1 </dev/null &
    run=$!
    await has_events "$lines" "$events" || die "the run wrote no $lines events"
    await has_workers "$run" || die "the run had no workers"
    kill -9 "$run"
    wait "$run" 2>/dev/null || true
    [ "$(grep -c '^{"event":".*}$' "$events")" -eq "$(wc -l <"$events")" ] || die "a line is torn"
    [ -z "$(tail -c 1 "$events" | tr -d '\n')" ] || die "the last line is torn"
    ! grep -q '"event":"verdict"' "$events" || die "the run was over before it was killed"
    for process in $hands $workers; do
        await is_gone "$process" || die "process $process outlived the run"
    done
    [ -z "$(ls "$TMPDIR")" ] || die "a folder is left behind: $(ls "$TMPDIR")"
done
