# SPDX-License-Identifier: Apache-2.0
#
# real_sites.sh PROGRAM MODULE: shows that the disk in memory sees what a real one is asked for. The
# five steps of outage.five_steps are done on real files by a program that knows nothing of the
# harness; strace counts its writes, syncs, truncations and deletions of the database, its WAL and
# its journal; the sites that the harness counts must be as many.
#
# Not compared, because the disk in memory has no such calls: the file of the WAL index, which is
# mapped, and the syncs of the folder.
. "$(dirname "$0")/lib.sh"
program=$1 module=$2
command -v strace >/dev/null 2>&1 || { echo "skipped: strace is not installed" && exit 77; }
strace -o "$room/probe" true 2>/dev/null || { echo "skipped: strace may not trace here" && exit 77; }
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # LeakSanitizer does not work under strace

mkdir "$room/disk" && cd "$room/disk"
"$program" "$module" prepare || die "the store cannot be made"
strace -f -y -o "$room/calls" -e trace=pwrite64,fsync,fdatasync,ftruncate,unlink "$program" "$module" steps ||
    die "the steps fail on a real disk"
"$ASSAY" sites "so:$module" --case outage.five_steps >"$room/sites" || die "the sites are not counted"

# real CALLS FILE: how often one of the calls was made for the file.
real() {
    grep -cE "($1)\\((([0-9]+|AT_FDCWD)<)?\"?[^<>\"]*$2[>\"]" "$room/calls" || true
}
# ours OPERATION ROLE: the sites of all steps.
ours() {
    awk -v operation="$1" -v role="$2" '$4 == operation && $5 == role { sum += $6 } END { print sum + 0 }' "$room/sites"
}
compared=0
row() {
    there=$(real "$2" "$4") here=$(ours "$1" "$3")
    [ "$there" -eq "$here" ] || {
        said=$(cat "$room/calls")
        die "$1 of $3: $here sites, and $there calls of $2 on a real disk"
    }
    compared=$((compared + there))
}
for role in main wal journal; do
    file=accounts.db
    [ "$role" = main ] || file=accounts.db-$role
    row disk.write pwrite64 $role $file
    row disk.sync 'fsync|fdatasync' $role $file
    row disk.truncate ftruncate $role $file
    row disk.delete unlink $role $file
done
echo "$compared calls compared"
[ "$compared" -ge 10 ] || die "hardly anything was compared"
