# SPDX-License-Identifier: Apache-2.0
#
# Shows that cmocka's view of the cases says the same: green is 0, a finding is 1 (never a count
# that a shell takes modulo 256), and a pattern that matches nothing is 64, not a green run of no
# tests.
. "$(dirname "$0")/lib.sh"

expect 0 'PASSED.* [1-9][0-9]* test' "$ASSAY_CMOCKA" reference 'hashing.*'
expect 1 'assay replay assay1:inc-b64-plus-mangled:' "$ASSAY_CMOCKA" inc-b64-plus-mangled 'hashing.*'
expect 64 'no case matches' "$ASSAY_CMOCKA" reference 'nothing.*'
expect 1 'there is no target' "$ASSAY_CMOCKA" nobody 'hashing.salts'
