# SPDX-License-Identifier: Apache-2.0
#
# Shows that a run whose records are lost ends with 70 and says so, although every case was green:
# a gate that reads the records must not take silence for success. The disk is full in four ways: a
# limit on the size of files, a full file system (where this may be mounted), /dev/full, and
# folders that cannot be made.
. "$(dirname "$0")/lib.sh"
set -- check reference --case hashing.salts --only vectors

limited() (
    ulimit -f 0
    exec "$ASSAY" "$@"
)
expect 0 '^GREEN: ' "$ASSAY" "$@" --out "$room/out" --json "$room/good.json"
# ThreadSanitizer writes a file of its own at start, and dies of the limit.
if limited --version >/dev/null 2>&1; then
    expect 70 'cannot write events in' limited "$@" --out "$room/out"
else
    echo "this build does not start under a limit on files: that row is left out"
fi
expect 70 'cannot write /dev/full: No space left' "$ASSAY" "$@" --out "$room/out" --json /dev/full
expect 70 'cannot write .*/none.json: No such file' "$ASSAY" "$@" --out "$room/out" \
    --json "$room/no/such/none.json"
: >"$room/file"
expect 70 'cannot create the folder' "$ASSAY" "$@" --out "$room/file"
expect 70 'cannot create the folder' "$ASSAY" "$@" --out "$room/file/below"

full_stdout() {
    "$ASSAY" "$@" >/dev/full
}
expect 70 'cannot write to standard output' full_stdout "$@" --out "$room/out"

# What was there before a document could not be written is not harmed.
before=$(cat "$room/good.json")
limited "$@" --out "$room/out" --json "$room/good.json" >/dev/null 2>&1 || true
[ "$(cat "$room/good.json")" = "$before" ] || die "the older document was destroyed"

mkdir "$room/small"
if mount -t tmpfs -o size=4k tmpfs "$room/small" 2>/dev/null; then
    trap 'umount "$room/small"; rm -rf "$room"' EXIT
    head -c 8192 /dev/zero >"$room/small/filler" 2>/dev/null || true
    expect 70 'No space left' "$ASSAY" "$@" --out "$room/small"
else
    echo "no file system may be mounted here: that row is left out"
fi

# Without a folder for its files a target would work in ours: nothing can be judged then.
expect 3 'cannot make a folder' env TMPDIR="$room/no/such" "$ASSAY" "$@" --out "$room/out"
