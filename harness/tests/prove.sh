# SPDX-License-Identifier: Apache-2.0
#
# Shows what a proof says and that it can fail, on the changes of somebody else's source
# (coverage/example): they are few, and stay what they are. Each way of weakening the suite must be
# noticed; each thing that cannot be judged must be told, and where to look.
. "$(dirname "$0")/lib.sh"
example=$SOURCE/coverage/example
compile="${CC:-cc} -g -O1 -fPIC -shared -I$SOURCE *.c -lsodium -o \"\$ASSAY_MODULE\""

# prove ARGUMENTS...: the example, with what an earlier run has built, if it has.
build=$compile runs=400
prove() {
    "$ASSAY" prove --patches "$example/changes" --source "$example/source" --build "$build" \
        --gate "$example/gate.ini" --out "$room/out" --json "$room/proof.json" --runs "$runs" "$@"
}
# is_said JSON-TEXT: it stands in the document, whose white space does not count.
is_said() {
    tr -d ' \n' <"$room/proof.json" | grep -q -F -e "$1" || die "the document does not say $1"
}

expect 0 '^GREEN: 3 defects, 0 survive; 2 harmless changes, 0 refused' prove
is_said '"name":"no-memory-is-denied"'
is_said '"refused":true,"by":["fault"],"token":"assay1:so,so:hashing.short_of_memory:'
is_said '"reached":true,"triggered":true'
is_said '"passed":true'
is_said '{"rule":"defects_detected","wanted":"atleast100%","got":"100%","ok":true}'
is_said '{"rule":"mutation_score","wanted":"atleast95%","got":"notjudged:'
is_said '"mutants":null'
folder=$(cd "$room/out/latest" && pwd -P)
grep -q '^| no-memory-is-denied | - | - | hashing (wrong_answer) |' "$folder/matrix.md" ||
    die "the matrix does not say who refused"
token=$(sed -n 's/.*"token": "\(assay1:so,so:hashing.short_of_memory:[^"]*\)".*/\1/p' "$room/proof.json" | head -n 1)
expect 1 'hashing.short_of_memory' "$ASSAY" replay "$token" \
    "so:$folder/changes/without-change.so,so:$folder/changes/no-memory-is-denied.so"
expect 0 'hashing.short_of_memory' "$ASSAY" replay "$token" "so:$folder/changes/without-change.so"

# From here on nothing is built again, and little is left to chance.
runs=50
build="cp $folder/changes/\$(basename \"\$PWD\").* \"\$(dirname \"\$ASSAY_MODULE\")\""

# Weakened: a row is what is printed of the defect that survives then, and how.
weak() {
    pattern=$1
    shift
    expect 2 "^SURVIVES  defect   $pattern" prove "$@"
    expect_said '^TOO WEAK: '
}
expect_said() {
    printf '%s\n' "$said" | grep -q -e "$1" || die "no line matches \"$1\""
}
weak 'no-memory-is-denied .* its lines are not reached' --without fault
weak 'no-memory-is-denied .* its lines are not reached' --without-injector memory,calls
weak 'passes-of-today .* its lines are not reached' --case encoding.broken_is_corrupt --only vectors
weak 'salt-of-the-password .* no oracle objects' --case encoding.broken_is_corrupt --only vectors
weak 'salt-of-the-password .* no oracle objects' --without-checks
expect_said '^passed '
expect 2 'defects_detected  .* got 0 % (no-memory-is-denied, passes-of-today, salt-of-the-password)' \
    prove --without-checks
expect 2 '^NO  defects_detected_without_chance .* 66.67 % (no-memory-is-denied)' \
    prove --without-injector memory,calls
expect 0 '^-   defects_detected_without_chance .* not judged: not every technique' \
    prove --without powercut
# Everything: what finds it besides, in the matrix, and still the same words.
expect 0 '^GREEN: ' prove --full
grep -q '^| salt-of-the-password | .*hashing.* | .* |' "$room/out/latest/matrix.md" ||
    die "the whole matrix is empty"

# The gate's file: a row is what is wrong, and what makes the file so.
gate() {
    wanted=$1 pattern=$2
    shift 2
    sed "$@" "$SOURCE/coverage/gate.ini" >"$room/gate.ini"
    expect "$wanted" "$pattern" prove --gate "$room/gate.ini"
}
gate 0 '^ok  defects  .* at least 3 ' 's/^defects = .*/defects = 3/; s/^harmless = .*/harmless = 2/'
gate 2 '^NO  defects  .* at least 4 ' 's/^defects = .*/defects = 4/; s/^harmless = .*/harmless = 2/'
gate 64 'has no threshold "harmless_passed"' '/^harmless_passed/d'
gate 64 'names no rule of the gate' 's/^harmless_passed/harmless_missed/'
gate 64 'was given before' 's/^harmless_passed/harmless/'
gate 64 'does not give a number' 's/^harmless_passed = 100/harmless_passed = all/'
gate 64 'is neither' 's/^harmless_passed = 100/harmless_passed/'
expect 64 'cannot read the gate' prove --gate "$room/nowhere"

# Rules about mutants are judged when there is a document about them.
mutants() {
    wanted=$1 pattern=$2
    printf '%s\n' "$3" >"$room/mutants.json"
    expect "$wanted" "$pattern" prove --mutants "$room/mutants.json"
}
operators='"by_operator":{"error-ignored":{"total":10,"killed":9,"suppressed":1},
    "call-skipped":{"total":4,"killed":4,"suppressed":0},
    "error-swap":{"total":5,"killed":5,"suppressed":0}}'
mutants 0 '^ok  mutation_score  .* got 96 %' \
    "{\"mutants\":{\"total\":100,\"reached\":99,\"killed\":95,\"suppressed\":1,\"score\":0.96,$operators}}"
is_said '"mutants":{"total":100'
mutants 2 '^NO  mutation_score  .* got 90 %' \
    "{\"total\":100,\"reached\":99,\"killed\":90,\"suppressed\":0,\"score\":0.9,$operators}"
mutants 2 '^NO  mutants_suppressed  .* got 5 %' \
    "{\"total\":100,\"reached\":99,\"killed\":95,\"suppressed\":5,\"score\":1,$operators}"
mutants 64 'mutants wants a document' '{"total":100}'
mutants 64 'mutants wants a document' 'nonsense'

# What cannot be built cannot be judged: a row is the code, the words, and what was wrong.
cp -r "$example" "$room/mine"
cannot() {
    expect "$1" "$2" "$ASSAY" prove --patches "$room/mine/changes" --source "$room/mine/source" \
        --build "$3" --out "$room/cannot"
}
cannot 3 'the build of without-change ended with 7: see .*without-change.log' 'exit 7'
cannot 3 'left no module where' 'true'
cannot 3 'the baseline is not green' \
    "cp $MODULES/constant_salt.so \"\$ASSAY_MODULE\""
cp "$room/mine/changes/defects/passes-of-today.patch" "$room/mine/changes/harmless/"
cannot 3 'two changes are called passes-of-today' "$build"
rm "$room/mine/changes/harmless/passes-of-today.patch"
sed -i 's/HASH_BYTES/HASH_SIZE/g' "$room/mine/source/hashing.c"
cannot 3 'no-memory-is-denied.patch does not apply to .*: see .*no-memory-is-denied.log' "$build"
rm -r "$room/mine/changes/defects" "$room/mine/changes/harmless"
cannot 3 'there is no patch in' "$build"
expect 64 'belong together' "$ASSAY" prove --patches "$example/changes"
expect 64 'wants a folder' "$ASSAY" prove --patches "$room/nowhere" --source / --build true --out "$room/cannot"
expect 64 'built anew' prove --resume
expect 64 'option of prove' "$ASSAY" check reference --without-checks
expect 64 'there is no injector "nonsense"' "$ASSAY" prove --without-injector nonsense

# A build that dies while it is loaded is not detected by that.
mkdir -p "$room/dies/source" "$room/dies/changes/defects"
cp "$example/source/hashing.c" "$room/dies/source"
cat >"$room/dies/changes/defects/dies.patch" <<'PATCH'
--- a/hashing.c
+++ b/hashing.c
@@ -1,3 +1,4 @@
+__attribute__((constructor)) static void die(void) { __builtin_trap(); }
 /* SPDX-License-Identifier: Apache-2.0
  *
  * A small password hash of somebody else's, to show how `assay prove --patches` judges its changes.
PATCH
expect 2 '^SURVIVES .* dies .*does not count: it cannot be judged: while being loaded' "$ASSAY" prove \
    --patches "$room/dies/changes" --source "$room/dies/source" --build "$compile" --case 'hashing.salts' \
    --out "$room/dies/out"
