# SPDX-License-Identifier: Apache-2.0
#
# Shows that each case of these themes has a target that it refuses, and lets its honest twin pass,
# which is what the liar would be if it did not lie. A row is: the liar, its honest twin, the case,
# why it must be refused.
. "$(dirname "$0")/lib.sh"

# target_of NAME: reference is one by that name, everything else a module.
target_of() {
    case $1 in
    reference) echo reference ;;
    *) echo "so:$MODULES/$1.so" ;;
    esac
}

count=0 passed=
while read -r liar honest case why; do
    case $liar in '' | '#'*) continue ;; esac
    expect 1 '^REFUSED: ' "$ASSAY" check "$(target_of "$liar")" --case "$case" --first --out "$room/out"
    printf '%s\n' "$said" | grep -q "^FAIL  $case " || die "$liar: not by $case, or not FAIL: $why"
    count=$((count + 1))
    case $passed in *" $honest:$case "*) continue ;; esac
    passed="$passed $honest:$case "
    expect 0 '^GREEN: ' "$ASSAY" check "$(target_of "$honest")" --case "$case" --out "$room/out"
    has_event '"event":"case"' "\"case\":\"$case\"" '"verdict":"PASS"' ||
        die "$honest is not judged by $case"
done <<'ROWS'
never_locks          locks       lockout.every_way              a lock that is only declared
locks_for_ever       locks       lockout.every_way              a lock that does not end
never_resets         locks       lockout.every_way              a count that is never given back
counts_apart         locks       lockout.every_way              three operations, three times as many tries
counts_everybody     locks       lockout.every_way              one locks out all
counts_spellings     folds_names lockout.every_way              another spelling, more tries
few_counts           locks       lockout.every_way              other names push out a count
forgets_closed       locks       lockout.every_way              a restart gives tries
trusts_clock         locks       lockout.every_way              the clock put back opens the lock
never_resets         locks       lockout.machine                a count that is never given back
counts_apart         locks       lockout.machine                three operations, three times as many tries
trusts_clock         locks       lockout.guesses                the clock put back opens the lock
counts_outage        locks       lockout.outage                 an outage counts
weak_tokens          locks       sessions.tokens                fewer random bytes than promised
token_of_name        locks       sessions.tokens                the same token twice
prefix_of_token      locks       sessions.changed_tokens        the rest of a token does not count
binds_to_name        locks       sessions.every_end             a removed account's session serves the next one
revokes_nothing      locks       sessions.every_end             acknowledged and not done
revokes_all          locks       sessions.every_end             one logs out the others
eternal_sessions     locks       sessions.every_end             no end
rehash_ends_sessions locks       sessions.every_end             a new hash ends them
binds_to_name        locks       sessions.machine               a change ends nothing
revokes_nothing      locks       sessions.machine               acknowledged and not done
eternal_sessions     locks       sessions.end_in_time           no end
ends_in_outage       locks       sessions.outage                an outage logs everybody out
lives_in_outage      locks       sessions.outage                an outage lets those in who had left
denies_beside        honest      concurrency.right_twice        the second right password is wrong
shares_name          honest      concurrency.two_names          one name becomes another one
shares_digest        honest      concurrency.two_hashes         one verdict becomes another one
ends_first           locks       concurrency.session_and_change a session in between stays
rehash_ends_sessions locks       concurrency.check_and_rehash   a new hash ends it
revokes_late         locks       concurrency.two_revocations    revoked twice
counts_late          locks       concurrency.two_guesses        a try too many
counts_late          locks       concurrency.any_guesses        a try too many
forgets_process      reference   powercut.guesses               a power cut gives tries
forgets_process      reference   powercut.sessions              a power cut logs everybody out
skips_nobody         honest      work.unknown_is_wrong          strangers are denied sooner
cheap_nobody         honest      work.follows_the_cost          a stranger's hash is cheaper
hashes_blocks        honest      work.bounded_by_length         whoever types more keeps it busy
nul_ends_string      honest      encoding.traps                 what follows a NUL does not count
cuts_records         honest      encoding.stored_as_given       128 bytes are stored
cuts_made            honest      encoding.longest_strings       108 bytes of its own are stored
serves_any_cost      honest      encoding.hostile_cost          one row takes hours
hashes_cheaply       honest      hashing.pays_the_cost          the cost is only written
denies_foreign       honest      hashing.published_vectors      a foreign scheme is a wrong password
compares_setting     serves_bcrypt hashing.legacy_rows            any password opens a row of bcrypt
verifies_as_typed    composes    unicode.forms_of_a_password    composed at one place only
removes_as_typed     composes    unicode.every_path             composed at all places but one
removes_name_as_typed composes    unicode.names                  composed at all places but one
picky_login          honest      unicode.same_bytes             set and not used
prints_wrong         honest      hygiene.hashing                a password is printed
frees_unwiped        honest      hygiene.hashing                a password stays in memory
keeps_wrong          honest      hygiene.accounts               a password is in a file
logs_failures        honest      hygiene.error_paths            a password is in a log when something fails
keeps_history        honest      hygiene.digest                 digests are in two tables
# What an honest one may do otherwise.
never_locks          other_ways  lockout.every_way              a lock that is only declared
never_resets         other_ways  lockout.machine                a count that is never given back
counts_outage        other_ways  lockout.outage                 an outage counts
ends_first           other_ways  concurrency.session_and_change a session in between stays
rehash_ends_sessions other_ways  concurrency.check_and_rehash   a new hash ends it
revokes_late         other_ways  concurrency.two_revocations    revoked twice
ROWS
[ "$count" -eq 61 ] || die "only $count rows were tried"
