#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# worse.sh BEFORE AFTER OLD: is what a new service has answered between two looks at its counters
# worse than all that the old one has answered? Says what is, in one line, or nothing.
#
# Each file has the counters as deploy.sh takes them from /metrics: operation, answer, layer, reason,
# count. Worse is: at least three failures of one cause, and two of a hundred requests more than the
# old service has of it; or, among at least 30 requests, 25 of a hundred more that were called wrong
# (denied, or locked in consequence). Rejected requests do not count, so that rubbish hides nothing.
set -eu
[ $# -eq 3 ] || { echo 'usage: worse.sh BEFORE AFTER OLD' >&2; exit 64; }
awk '
$2 == "rejected" { next }
FILENAME == ARGV[3] { old_all += $5; old[$2] += $5; old[$2, $3, $4] += $5; next }
{
    n = FILENAME == ARGV[1] ? -$5 : $5
    all += n
    answers[$2] += n
    if ($2 == "unavailable") failed[$3 ", " $4] += n
}
function share(count, of) { return of > 0 ? count / of : 0 }
END {
    for (cause in failed) {
        split(cause, part, ", ")
        if (failed[cause] >= 3 &&
            share(failed[cause], all) > share(old["unavailable", part[1], part[2]], old_all) + 0.02) {
            printf "%d of %d requests fail with (%s)\n", failed[cause], all, cause
            exit
        }
    }
    wrong = answers["denied"] + answers["locked"]
    if (all >= 30 && share(wrong, all) > share(old["denied"] + old["locked"], old_all) + 0.25)
        printf "%d of %d passwords are called wrong\n", wrong, all
}' "$1" "$2" "$3"
