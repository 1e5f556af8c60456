# SPDX-License-Identifier: Apache-2.0
#
# Shows that a run which is killed loses nothing that it had found: its events are whole lines, each
# of them JSON, and its worker does not outlive it. The run is killed at several moments; each time
# it must have a worker and some events before.
. "$(dirname "$0")/lib.sh"

# Processes whose parent is $1, from /proc/PID/stat: "PID (NAME) STATE PARENT ...".
children_of() {
    for stat in /proc/[0-9]*/stat; do
        sed -n "s/^\([0-9]*\) (.*) [A-Z] $1 .*/\1/p" "$stat" 2>/dev/null || true
    done
}

# Not there, or dead and only not yet fetched by whoever inherited it.
is_gone() {
    ! grep -q '^State:[[:space:]]*[A-WYa-z]' "/proc/$1/status" 2>/dev/null
}

for lines in 1 3 9; do
    out=$room/out.$lines
    "$ASSAY" check reference --out "$out" >"$room/said" 2>&1 </dev/null &
    run=$!
    for wait in $(seq 500); do
        seen=$(grep -c . "$out/latest/events.jsonl" 2>/dev/null) || seen=0
        [ "$seen" -lt "$lines" ] || break
        sleep 0.02
    done
    for wait in $(seq 50); do # the first event is written before there is a worker
        workers=$(children_of "$run")
        [ -z "$workers" ] || break
    done
    [ -n "$workers" ] || die "the run had no worker"
    [ "$seen" -ge "$lines" ] || die "the run wrote $seen events"
    kill -9 "$run"
    wait "$run" 2>/dev/null || true
    events=$out/latest/events.jsonl
    [ "$(grep -c '^{"event":".*}$' "$events")" -eq "$(wc -l <"$events")" ] || die "a line is torn"
    [ -z "$(tail -c 1 "$events" | tr -d '\n')" ] || die "the last line is torn"
    ! grep -q '"event":"verdict"' "$events" || die "the run was over before it was killed"
    for worker in $workers; do
        for wait in $(seq 100); do
            is_gone "$worker" && break
            sleep 0.02
        done
        is_gone "$worker" || die "worker $worker outlived the run"
    done
done
