#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The judgement of worse.sh, as a table: what the new service has answered since the switch, what the
# old one has answered in its life (both after 1000 logins of before, so that totals mislead), and
# what is said of it; nothing: it may stay.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d "${TMPDIR:-/tmp}/worse.XXXXXX")
trap 'rm -rf "$room"' EXIT

# counters FILE OK DENIED LOCKED MEMORY CORRUPT REJECTED
counters() {
    printf '%s %s\n' 'login ok none none' "$2" 'login denied none none' "$3" 'login locked none none' "$4" \
        'login unavailable hashing memory' "$5" 'login unavailable storage corrupt' "$6" \
        'login rejected input refused' "$7" >"$room/$1"
}

rows=0
while IFS='|' read -r new old said why; do
    counters before 1000 500 0 300 0 0
    # shellcheck disable=SC2086
    set -- $new
    counters after $((1000 + $1)) $((500 + $2)) "$3" $((300 + $4)) "$5" "$6"
    # shellcheck disable=SC2086
    counters old $old
    got=$("$here/../worse.sh" "$room/before" "$room/after" "$room/old")
    [ "$got" = "$said" ] || { echo "FAILED: $why: \"$got\" instead of \"$said\""; exit 1; }
    rows=$((rows + 1))
done <<'ROWS'
92 8 0 0 0 0|920 80 0 0 0 0||as ever
0 0 0 0 0 0|920 80 0 0 0 0||nobody came
40 60 0 0 0 0|920 80 0 0 0 0|60 of 100 passwords are called wrong|the incident, as a lie
40 30 30 0 0 0|920 80 0 0 0 0|60 of 100 passwords are called wrong|and its victims are locked
70 30 0 0 0 0|920 80 0 0 0 0||22 points more
40 60 0 0 0 0|400 600 0 0 0 0||a night of guessing, before as after
2 20 0 0 0 0|920 80 0 0 0 0||too few to say
97 0 0 3 0 0|1000 0 0 0 0 0|3 of 100 requests fail with (hashing, memory)|three failures
98 0 0 2 0 0|1000 0 0 0 0 0||two failures
980 0 0 19 0 0|1000 0 0 0 0 0||below two points
90 0 0 10 0 0|900 0 0 100 0 0||the same cause as often as before
90 0 0 0 10 0|900 0 0 100 0 0|10 of 100 requests fail with (storage, corrupt)|another cause as often as that one
40 0 0 0 60 9000|1000 0 0 0 0 0|60 of 100 requests fail with (storage, corrupt)|under a flood of rubbish
5 0 0 3 0 0|0 0 0 0 0 0|3 of 8 requests fail with (hashing, memory)|nothing to compare with
ROWS
[ "$rows" -ge 10 ] || { echo 'FAILED: hardly any rows'; exit 1; }
echo "$rows judgements"
