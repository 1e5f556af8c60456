# SPDX-License-Identifier: Apache-2.0
#
# taint.sh PROGRAM WANTED MODULE: memcheck looks at how MODULE compares digests, see taint.c. WANTED is
# the exit code: 0 in constant time, 1 not, 77 out of sight. Skipped where there is no valgrind, and
# where the module is built with a sanitizer, which valgrind cannot run.
set -eu
program=$1 wanted=$2 module=$3

if ! command -v valgrind >/dev/null 2>&1; then
    echo "valgrind is missing"
    exit 77
fi
code=0
said=$(valgrind --quiet --error-exitcode=0 --error-limit=no "$program" "$module" 2>&1) || code=$?
printf '%s\n' "$said" | grep -v '^==' || true
if [ "$code" -ne "$wanted" ]; then
    printf '%s\n' "$said" | tail -n 40
    echo "FAILED: exit $code instead of $wanted"
    exit 1
fi
