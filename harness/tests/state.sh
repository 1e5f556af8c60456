# SPDX-License-Identifier: Apache-2.0
#
# state.sh: shows that what a module remembers is put back before every run. The module dies at its
# thirteenth login; hundreds of runs with a few logins each are green, and a run with many is a
# finding whose token fails in a fresh process too.
. "$(dirname "$0")/lib.sh"
module=so:$MODULES/remembers.so

expect 0 '^GREEN: ' "$ASSAY" check "$module" --case compat.current_rows --only property --out "$room/out"
expect 1 '^REFUSED: ' "$ASSAY" check "$module" --case accounts.machine --only property --out "$room/out"
token=$(token_of property)
[ -n "$token" ] || die "no token"
expect 1 '^REFUSED: ' "$ASSAY" replay "$token" "$module"
