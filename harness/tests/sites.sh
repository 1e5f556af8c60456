# SPDX-License-Identifier: Apache-2.0
#
# Compares the sites that cases pass on the reference with those that were reviewed
# (targets/reference/sites.txt). A difference is news, not a defect: a release of a library, or a
# change of the reference, calls more or less than before. Somebody looks at it and accepts it.
. "$(dirname "$0")/lib.sh"

expect 0 '^outage.five_steps 1 open disk.read main ' "$ASSAY" sites reference
printf '%s\n' "$said" >"$room/sites.txt"
if ! difference=$(diff "$SOURCE/targets/reference/sites.txt" "$room/sites.txt"); then
    said=$difference
    die "the sites of the reference are other ones (<: reviewed, >: now). If that is as it should be:" \
        "build/assay sites reference >targets/reference/sites.txt"
fi

# The negative case: nothing is counted for a target that cannot be loaded.
expect 3 'cannot open the module' "$ASSAY" sites so:/nonexistent
