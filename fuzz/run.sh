#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes for SECONDS in all: run.sh BUILD_DIR SECONDS
#
# Three spaces (stored strings, a damaged database file, the machine of accounts), then the negative control: the same fuzzer must find a
# planted defect, or its silence means nothing. Kept tokens are the first inputs; those found so far are kept in out/fuzz; findings are tokens and end in exit 1.
set -u
build=$1 seconds=$2
fuzzer=$build/assay-fuzz
cases='encoding.changed_string encoding.broken_is_corrupt outage.damaged_file accounts.machine'
parts=$(($(echo $cases | wc -w) + 1))
each=$((seconds / parts))
[ "$each" -ge 1 ] || each=1
status=0
summary=''
here=$(pwd)

# fuzz CASE TARGET SECONDS LOG: libFuzzer's exit code
fuzz() {
    corpus=out/fuzz/corpus/$1
    mkdir -p "$corpus" out/fuzz/found
    # libFuzzer wants at least one input that fires a feature.
    head -c 64 /dev/zero >"$corpus/zero"
    ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_abort=0 ASSAY_FUZZ_CASE=$1 ASSAY_FUZZ_TARGET=$2 \
        "$here/$fuzzer" -max_total_time="$3" -seed=1 -max_len=4096 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="out/fuzz/found/$1-" $5 "$corpus" >"$4" 2>&1
}

runs_of() {
    sed -n 's/^stat::number_of_executed_units: *//p' "$1" | tail -n 1
}

# token_of CASE TARGET LOG: the token of the input that the log says was written, or nothing
token_of() {
    input=$(sed -n 's/.*Test unit written to //p' "$3" | tail -n 1)
    [ -n "$input" ] && ASAN_OPTIONS=detect_leaks=0 ASSAY_FUZZ_TOKEN=$input ASSAY_FUZZ_CASE=$1 ASSAY_FUZZ_TARGET=$2 "$here/$fuzzer" 2>/dev/null | tail -n 1
}

# seed_of TOKEN: makes it an input of its case
seed_of() {
    name=$(echo "$1" | cut -d : -f 3)
    seed=out/fuzz/corpus/$name/kept-${1##*:}
    mkdir -p "out/fuzz/corpus/$name"
    ASAN_OPTIONS=detect_leaks=0 ASSAY_FUZZ_BYTES_OF=$1 ASSAY_FUZZ_CASE=$name "$here/$fuzzer" >"$seed.part" 2>out/fuzz/seed.log ||
        { rm -f "$seed.part"; return 1; }
    mv "$seed.part" "$seed"
}

mkdir -p out/fuzz
for token in $(cat cases/regressions/*.tokens | grep -v '^#'); do
    seed_of "$token" && continue
    summary="$summary
no seed for the kept token $token: $(tail -n 1 out/fuzz/seed.log)"
    status=2
done
for name in $cases; do
    log=out/fuzz/$name.log
    if fuzz "$name" reference "$each" "$log" ''; then
        runs=$(runs_of "$log")
        cover=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$log" | tail -n 1)
        if [ "${runs:-0}" -lt 10 ]; then
            summary="$summary
$name: only ${runs:-0} runs, see $log"
            status=2
        else
            summary="$summary
$name: $runs runs, ${cover:-no coverage}, nothing found"
        fi
    elif token=$(token_of "$name" reference "$log") && [ -n "$token" ]; then
        status=1
        tail -n 40 "$log"
        summary="$summary
$name: FOUND assay replay $token (log: $log)"
    else
        tail -n 5 "$log"
        summary="$summary
$name: the fuzzer did not run, see $log"
        [ $status = 1 ] || status=70
    fi
done

log=out/fuzz/control.log
fuzz compat.current_rows inc-b64-plus-mangled "$each" "$log" '-runs=200000'
token=$(token_of compat.current_rows inc-b64-plus-mangled "$log")
if [ -z "$token" ]; then
    summary="$summary
negative control: NOT FOUND: the planted defect survives $(runs_of "$log") runs, so silence means nothing (log: $log)"
    [ $status = 0 ] && status=2
else
    "$build/assay" replay "$token" >out/fuzz/control.replay 2>&1
    if [ $? = 1 ]; then
        summary="$summary
negative control: the planted defect is found: assay replay $token"
    else
        summary="$summary
negative control: the token does not replay: $token"
        [ $status = 0 ] && status=2
    fi
    rm -f out/fuzz/found/compat.current_rows-*
fi
echo "fuzzed for $seconds s in all, under ASan and UBSan:$summary"
exit $status
