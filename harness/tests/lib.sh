# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of this folder share. Each is run with
#
#   ASSAY, ASSAY_CMOCKA   the programs
#   MODULES               the folder of the modules that were built from modules/
#   SOURCE                the root of the sources
#
# and works in a folder of its own, $room, which is gone afterwards.
set -eu

room=$(mktemp -d "${TMPDIR:-/tmp}/assay-test.XXXXXX")
trap 'rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM
said=

# die TEXT...: the test has failed; shows what the program said last.
die() {
    printf 'FAILED: %s\n' "$*" >&2
    [ -z "$said" ] || printf '%s\n' "$said" | tail -n 40 | sed 's/^/    | /' >&2
    exit 1
}

# run COMMAND...: leaves what it printed (both streams) in $said and its exit code in $code. Without
# a file in between, so that it works where no file can be written.
run() {
    code=0
    said=$("$@" 2>&1 </dev/null) || code=$?
}

# expect CODE PATTERN COMMAND...: the command ends so, and prints a line that matches.
expect() {
    wanted=$1 pattern=$2
    shift 2
    run "$@"
    [ "$code" -eq "$wanted" ] || die "exit $code instead of $wanted: $*"
    printf '%s\n' "$said" | grep -q -e "$pattern" || die "no line matches \"$pattern\": $*"
}

# children_of PID: from /proc/PID/stat, "PID (NAME) STATE PARENT ...".
children_of() {
    for stat in /proc/[0-9]*/stat; do
        sed -n "s/^\([0-9]*\) (.*) [A-Z] $1 .*/\1/p" "$stat" 2>/dev/null || true
    done
}

# has_workers RUN: leaves its hands in $hands, their workers in $workers.
has_workers() {
    hands=$(children_of "$1") workers=
    for hand in $hands; do
        workers="$workers $(children_of "$hand")"
    done
    [ -n "$(printf '%s' "$workers" | tr -d ' ')" ]
}

# is_gone PID: not there, or dead and only not yet fetched by whoever inherited it.
is_gone() {
    ! grep -q '^State:[[:space:]]*[A-WYa-z]' "/proc/$1/status" 2>/dev/null
}

# await COMMAND...: until it succeeds, for ten seconds at most.
await() {
    for wait in $(seq 500); do
        "$@" && return 0
        sleep 0.02
    done
    return 1
}

# The events of the last run, below $room/out.
events() {
    cat "$room/out/latest/events.jsonl"
}

# has_event PATTERN...: one line of the events matches all patterns.
has_event() {
    lines=$(events)
    for part; do
        lines=$(printf '%s\n' "$lines" | grep -e "$part") || return 1
    done
}

# token_of TECHNIQUE: of the first finding by it; empty when there is none.
token_of() {
    events | grep '"event":"finding"' | grep "\"technique\":\"$1\"" | head -n 1 |
        sed -n 's/.*"token":"\([^"]*\)".*/\1/p'
}

# with_checksum TEXT: a token with this text and the checksum that belongs to it (gzip's is the
# same CRC).
with_checksum() {
    printf '%s:%s\n' "$1" \
        "$(printf '%s' "$1" | gzip -c | tail -c 8 | od -An -tx4 -N4 --endian=little | tr -d ' ')"
}
