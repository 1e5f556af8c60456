# SPDX-License-Identifier: Apache-2.0
#
# Shows that the answer does not depend on how many cells run at once: the document of --json and
# what is printed are equal byte for byte for one, two and five hands, on a target that is green and
# on one with findings, with --first too. And that nobody is lost: a hand that is killed is an error
# that names its cell, and a run that is interrupted says how to go on and leaves neither a process
# nor a folder behind.
. "$(dirname "$0")/lib.sh"
export TMPDIR="$room/tmp"
mkdir "$TMPDIR"

# answer NAME CODE ARGUMENTS...: the document and the text, without times and places.
answer() {
    name=$1 wanted=$2
    shift 2
    run "$ASSAY" check "$@" --out "$room/$name.out" --json "$room/$name.json"
    [ "$code" -eq "$wanted" ] || die "exit $code instead of $wanted: $*"
    printf '%s\n' "$said" | sed 's/, [0-9.]* s of processor time.*//' >"$room/$name.text"
}

same_for_all() {
    wanted=$1
    shift
    for jobs in 1 2 5; do
        answer "$jobs" "$wanted" "$@" --jobs "$jobs"
        for kind in json text; do
            cmp "$room/1.$kind" "$room/$jobs.$kind" || die "--jobs $jobs answers otherwise: $*"
        done
    done
}
same_for_all 0 reference --runs 30 --case '[eho][anu][cst][ohi]*' --without schedule --verbose
red="so:$MODULES/nul_truncates.so"
same_for_all 1 "$red" --runs 100 --only vectors,property
grep -q '"verdict": "FAIL"' "$room/5.json" || die "the red target has no finding"
cells=$(grep -c '"event":"case"' "$room/5.out/latest/events.jsonl")
# The comparison sees a difference when there is one.
answer other 1 "$red" --runs 100 --only vectors,property --seed 3
! cmp -s "$room/5.json" "$room/other.json" || die "another seed, and the same document"

same_for_all 1 "$red" --runs 100 --only vectors,property --first
[ "$(grep -c '"event":"case"' "$room/1.out/latest/events.jsonl")" -lt "$cells" ] ||
    die "--first runs every cell"
grep -c '"token"' "$room/1.json" | grep -qx 1 || die "--first has more than one finding"

# A target that spins at a login, with much patience: the hand is in that cell when it is killed.
# start COMMAND...: leaves the run in $run, its hand in $hands and the spinning worker in $workers.
spins() {
    ticks=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 12) || ticks=0
    [ "${ticks:-0}" -ge 10 ]
}
start() {
    "$@" check "so:$MODULES/spins.so" --case outage.morning --only vectors --hang-seconds 60 \
        --out "$room/spins" >"$room/said" 2>&1 </dev/null &
    run=$!
    await has_workers "$run" || die "there is no worker"
    await spins "$(echo $workers)" || die "the worker does not spin"
}
# ended CODE PATTERN: how the run ended, what it said (empty: nothing), and that nothing is left.
ended() {
    code=0
    wait "$run" 2>/dev/null || code=$?
    said=$(cat "$room/said")
    [ "$code" -eq "$1" ] || die "exit $code instead of $1"
    if [ -n "$2" ]; then
        grep -q -e "$2" "$room/said" || die "it does not say \"$2\""
    fi
    ! grep -q GREEN "$room/said" || die "it is green"
    for process in $hands $workers; do
        await is_gone "$process" || die "process $process outlived the run"
    done
    [ -z "$(ls "$TMPDIR")" ] || die "a folder is left behind: $(ls "$TMPDIR")"
}
start "$ASSAY"
kill -9 $hands
ended 70 'ran outage.morning by vectors was killed by signal 9: nothing is known of that'
start "$ASSAY"
kill -9 "$run"
ended 137 ''
start "$ASSAY"
kill -TERM "$run"
ended 143 'the same command with --resume='
grep -q 'interrupted: Terminated, 0 of 1 cells' "$room/said" || die "it does not say how far it was"
# What a shell starts in the background ignores SIGINT, and so does the program then.
start env --default-signal=INT "$ASSAY"
kill -INT "$run"
ended 130 'the same command with --resume='
