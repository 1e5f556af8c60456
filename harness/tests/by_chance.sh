# SPDX-License-Identifier: Apache-2.0
#
# Shows that random search draws faults, too, where a case says that it knows what they mean: a write
# whose result is ignored is found by it, with a fault that is in the token; and a defect that needs
# none shrinks to none.
. "$(dirname "$0")/lib.sh"

check() {
    expect "$1" "$2" "$ASSAY" check "so:$MODULES/$3.so" --case accounts.machine --only property --runs 1000 --out "$room/out"
}
check 1 '^      injected  ' ignores_step
token=$(token_of property)
expect 1 '^      injected  ' "$ASSAY" replay "$token" "so:$MODULES/ignores_step.so"
expect 0 '^GREEN: ' "$ASSAY" replay "$token" "so:$MODULES/honest.so"
check 0 '^GREEN: ' honest
check 1 '^REFUSED: ' nul_truncates
! printf '%s\n' "$said" | grep -q '^      injected  ' || die "a fault is left over that does not matter"
