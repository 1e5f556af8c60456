#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lines and branches: measure.sh BUILD_DIR
#
# Counted twice. First the unit tests alone, where the codec is held to its own tests: the cases would reach most of it too, and a suite
# that loses the codec's tests must not look covered. That threshold is shown to bite on every run: with the codec's tests left
# out it must fail. Then everything. Thresholds are in coverage/gate.ini; reports in out/coverage.
set -eu
build=$1
here=$(cd "$(dirname "$0")/.." && pwd)
out=$here/out/coverage
mkdir -p "$out"

# wanted SECTION KEY: a number of gate.ini
wanted() {
    sed -n "/^\[$1\]/,/^\[/s/^$2 *= *//p" "$here/coverage/gate.ini" | head -n 1
}

forget_counts() {
    find "$build" -name '*.gcda' -delete
}

# report FILTERS... -- GCOVR_OPTIONS...
report() {
    gcovr -r "$here" --object-directory "$build" --gcov-ignore-parse-errors --exclude '.*/tests/.*' --exclude '.*/variants/.*' "$@" "$build"
}

codec_gate() {
    report -f 'targets/reference/phc.c' --fail-under-line "$(wanted codec lines)" \
        --fail-under-branch "$(wanted codec branches)" >"$1" 2>&1
}

run_tests() {
    (cd "$build" && ctest -j "$(nproc)" --output-on-failure "$@") >"$out/ctest.log" 2>&1 ||
        { tail -n 40 "$out/ctest.log"; echo "coverage: the tests are not green" >&2; exit 1; }
}

echo 'coverage: unit tests without those of the codec (the threshold must fail)'
forget_counts
run_tests -L unit -E 'reference[.](phc|password|accounts)'
if codec_gate "$out/codec-without-its-tests.txt"; then
    echo 'coverage: the threshold holds although the tests of the codec are left out: it cannot fail' >&2
    exit 2
fi

echo 'coverage: the tests of the codec'
forget_counts
run_tests -R 'reference[.]phc'
if ! codec_gate "$out/codec.txt"; then
    cat "$out/codec.txt"
    echo 'coverage: the codec is not covered by its own tests' >&2
    exit 2
fi

echo 'coverage: everything'
forget_counts
run_tests
"$build/assay" check reference >"$out/check.log" || { tail -n 20 "$out/check.log"; exit 1; }
"$build/assay" compare reference inc-b64-plus-mangled --first >"$out/compare.log" || [ $? = 1 ]
"$build/assay" doctor >/dev/null
status=0
report -f 'targets/reference/' --fail-under-line "$(wanted reference lines)" \
    --fail-under-branch "$(wanted reference branches)" >"$out/reference.txt" 2>&1 || status=2
report -f 'harness/' -f 'faults/' -f 'cases/' -e 'harness/bench/' --fail-under-line "$(wanted harness lines)" \
    --fail-under-branch "$(wanted harness branches)" >"$out/harness.txt" 2>&1 || status=2
report -e 'harness/bench/' --html-details "$out/index.html" --cobertura "$out/cobertura.xml" >/dev/null 2>&1
for part in reference harness; do
    lines=$(sed -n 's/^TOTAL .* \([0-9]*%\).*/\1/p' "$out/$part.txt" | tail -n 1)
    branches=$(report -f "$([ $part = reference ] && echo targets/reference/ || echo '(harness|faults|cases)/')" -e 'harness/bench/' \
        --branches 2>/dev/null | sed -n 's/^TOTAL .* \([0-9]*%\).*/\1/p' | tail -n 1)
    echo "coverage of $part: lines $lines (wanted $(wanted $part lines) %), branches $branches (wanted $(wanted $part branches) %)"
done
[ $status = 0 ] || echo 'coverage: below the threshold, see out/coverage' >&2
echo "coverage: out/coverage/index.html, out/coverage/cobertura.xml"
exit $status
