#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shows that the proof itself can fail: controls.sh ASSAY [OPTION...], the options are those of `assay prove`.
#
# A part of the suite is switched off at a time, and the proof is made again. Where that part is worth having (rows with 2), a defect must
# survive and the gate must fail; the other rows are for information: what survives is named, or that nothing does. Cells are cut after a
# second, since what survives would otherwise go through everything each time.
set -u
assay=$1
shift
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0

# row CODE OPTIONS: "-" for any code that is an answer.
row() {
    wanted=$1
    shift
    # shellcheck disable=SC2086 # options of the row, and of the caller
    "$assay" prove --out "$out" --cell-ms 1000 $* >"$out/said" 2>&1
    code=$?
    survivors=$(sed -n 's/^SURVIVES  defect   \([^ ]*\).*/\1/p' "$out/said" | tr '\n' ' ')
    printf '%-44s exits %s, survivors: %s\n' "$*" "$code" "${survivors:-none}"
    if [ "$code" -ne 0 ] && [ "$code" -ne 2 ]; then
        tail -n 5 "$out/said"
        failed=1
    elif [ "$wanted" != - ] && [ "$wanted" -ne "$code" ]; then
        echo "    it must exit $wanted"
        failed=1
    fi
}

# The control of the controls: with everything switched on the gate holds.
row 0 "$@"
row 2 --without-checks "$@"
row 2 --without vectors,exhaustive,property "$@"
row 2 --without fault "$@"
row 2 --without powercut "$@"
row 2 --without schedule "$@"
row - --without vectors "$@"
row - --without exhaustive "$@"
row - --without property "$@"
row 2 --without-injector memory,calls "$@"
row 2 --without-injector disk,alloc "$@"
for injector in disk alloc memory calls entropy clock; do
    row - --without-injector "$injector" "$@"
done

# Without any check only crashes and hangs are seen.
"$assay" prove --out "$out" --cell-ms 1000 --without-checks --json "$out/proof.json" "$@" >/dev/null 2>&1
if grep '"consequence"' "$out/proof.json" | grep -qv -e '"crash"' -e '"hang"'; then
    echo "without checks something else than a crash or a hang was seen:"
    grep '"consequence"' "$out/proof.json" | sort | uniq -c
    failed=1
fi
exit $failed
