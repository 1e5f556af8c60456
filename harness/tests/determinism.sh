# SPDX-License-Identifier: Apache-2.0
#
# Shows that two runs with one seed find the same things after the same number of executions, shrunk
# to the same tokens: their events are the same, byte for byte, in whatever order the cells came to
# their ends. And that a seed matters where chance
# does: with another one, random techniques draw something else, deterministic ones do not.
. "$(dirname "$0")/lib.sh"

# events_of OUT SEED ARGUMENTS...: sorted, without the first line, which tells the seed.
events_of() {
    out=$1 seed=$2
    shift 2
    run "$ASSAY" check "$@" --seed "$seed" --out "$room/$out"
    [ "$code" -le 1 ] || die "exit $code"
    tail -n +2 "$room/$out/latest/events.jsonl" | LC_ALL=C sort >"$room/$out.events"
    [ "$(wc -l <"$room/$out.events")" -gt 1 ] || die "there are no events"
}

for target in "so:$MODULES/nul_truncates.so" inc-b64-plus-mangled; do
    set -- "$target" --case '[eh]*' --only property --runs 150
    events_of first 5 "$@"
    events_of again 5 "$@"
    events_of other 6 "$@"
    cmp "$room/first.events" "$room/again.events" || die "one seed, two results: $target"
    ! cmp -s "$room/first.events" "$room/other.events" || die "the seed does not matter: $target"
done
set -- inc-memlimit-enomem --case 'outage.morning' --only vectors,fault
events_of first 5 "$@"
events_of other 6 "$@"
cmp "$room/first.events" "$room/other.events" || die "the seed matters to deterministic techniques"
