# SPDX-License-Identifier: Apache-2.0
#
# Shows that every case has a target that it refuses, and lets its honest twin pass, which is what
# the liar would be if it did not lie. A row is: the liar, its honest twin, the case, why it must be
# refused. The program says which cases there are; one without a row fails the test. What is not
# shown here: that a case finds every liar of its kind (`assay prove`, `assay mutants`).
. "$(dirname "$0")/lib.sh"

cat >"$room/rows" <<'ROWS'
never_locks           locks        lockout.every_way                a lock that is only declared
locks_for_ever        locks        lockout.every_way                a lock that does not end
never_resets          locks        lockout.every_way                a count that is never given back
counts_apart          locks        lockout.every_way                three operations, three times as many tries
counts_everybody      locks        lockout.every_way                one locks out all
counts_spellings      folds_names  lockout.every_way                another spelling, more tries
few_counts            locks        lockout.every_way                other names push out a count
forgets_closed        locks        lockout.every_way                a restart gives tries
trusts_clock          locks        lockout.every_way                the clock put back opens the lock
never_resets          locks        lockout.machine                  a count that is never given back
counts_apart          locks        lockout.machine                  three operations, three times as many tries
trusts_clock          locks        lockout.guesses                  the clock put back opens the lock
forgets_locks         reference    lockout.round_after_round        a lock that is over begins anew
counts_outage         locks        lockout.outage                   an outage counts
weak_tokens           locks        sessions.tokens                  fewer random bytes than promised
token_of_name         locks        sessions.tokens                  the same token twice
prefix_of_token       locks        sessions.changed_tokens          the rest of a token does not count
binds_to_name         locks        sessions.every_end               a removed account's session serves the next one
revokes_nothing       locks        sessions.every_end               acknowledged and not done
revokes_all           locks        sessions.every_end               one logs out the others
eternal_sessions      locks        sessions.every_end               no end
rehash_ends_sessions  locks        sessions.every_end               a new hash ends them
binds_to_name         locks        sessions.machine                 a change ends nothing
revokes_nothing       locks        sessions.machine                 acknowledged and not done
eternal_sessions      locks        sessions.end_in_time             no end
ends_in_outage        locks        sessions.outage                  an outage logs everybody out
lives_in_outage       locks        sessions.outage                  an outage lets those in who had left
denies_beside         honest       concurrency.right_twice          the second right password is wrong
shares_name           honest       concurrency.two_names            one name becomes another one
shares_digest         honest       concurrency.two_hashes           one verdict becomes another one
ends_first            locks        concurrency.session_and_change   a session in between stays
rehash_ends_sessions  locks        concurrency.check_and_rehash     a new hash ends it
revokes_late          locks        concurrency.two_revocations      revoked twice
counts_late           locks        concurrency.two_guesses          a try too many
counts_late           locks        concurrency.any_guesses          a try too many
forgets_process       reference    powercut.guesses                 a power cut gives tries
forgets_process       reference    powercut.sessions                a power cut logs everybody out
skips_nobody          honest       work.unknown_is_wrong            strangers are denied sooner
cheap_nobody          honest       work.follows_the_cost            a stranger's hash is cheaper
hashes_blocks         honest       work.bounded_by_length           whoever types more keeps it busy
nul_ends_string       honest       encoding.traps                   what follows a NUL does not count
cuts_records          honest       encoding.stored_as_given         128 bytes are stored
cuts_made             honest       encoding.longest_strings         108 bytes of its own are stored
serves_any_cost       honest       encoding.hostile_cost            one row takes hours
hashes_cheaply        honest       hashing.pays_the_cost            the cost is only written
denies_foreign        honest       hashing.published_vectors        a foreign scheme is a wrong password
compares_setting      serves_bcrypt hashing.legacy_rows              any password opens a row of bcrypt
verifies_as_typed     composes     unicode.forms_of_a_password      composed at one place only
removes_as_typed      composes     unicode.every_path               composed at all places but one
removes_name_as_typed composes     unicode.names                    composed at all places but one
picky_login           honest       unicode.same_bytes               set and not used
prints_wrong          honest       hygiene.hashing                  a password is printed
frees_unwiped         honest       hygiene.hashing                  a password stays in memory
keeps_wrong           honest       hygiene.accounts                 a password is in a file
logs_failures         honest       hygiene.error_paths              a password is in a log when something fails
keeps_history         honest       hygiene.digest                   digests are in two tables
takes_over            honest       accounts.machine                 a name is taken by somebody else
takes_over            honest       accounts.short_histories         a name is taken by somebody else
folds_silently        honest       accounts.names_apart             two names are one
cuts_names            honest       accounts.lengths_of_names        what follows 64 bytes does not count
renews_denied         renews       accounts.denial_changes_nothing  a wrong password is written
picky_registration    honest       accounts.one_policy              a change sets what registration refuses
always_creates        honest       accounts.must_exist              a missing mount is a service without accounts
cuts_made             honest       compat.current_rows              rows that are too long are cut
takes_setting         honest       compat.configurations            rows of another cost are denied
takes_setting         honest       compat.older_rows                rows of another cost are denied
cuts_renewed          renews       compat.rehashed_rows             the second login finds half a row
changes_cheaply       honest       compat.rows_follow_the_cost      new passwords are cheap
never_settles         renews       compat.settled_rows              every login writes
cuts_renewed          renews       compat.rolled_back_rows          the release before finds half a row
cuts_made             honest       compat.production                the rows of the default are cut
denies_no_memory      honest       compat.short_of_memory           no memory is a wrong password
checks_first          honest       concurrency.two_registrations    two have one name
loses_updates         honest       concurrency.two_changes          both are acknowledged
undoes_change         renews       concurrency.rehash_and_change    the old password is back
loses_updates         honest       concurrency.remove_and_change    both are acknowledged
shares_digest         honest       concurrency.right_and_wrong      one verdict becomes another one
denies_crowd          honest       concurrency.short_of_memory      no memory beside others is a wrong password
shares_name           honest       concurrency.any_three            one name becomes another one
cuts_made             honest       encoding.round_trip              strings that are too long are cut
nul_ends_string       honest       encoding.changed_string          what follows a NUL does not count
compares_parts        honest       encoding.any_part                half a digest is enough
nul_ends_string       honest       encoding.any_end                 what follows a NUL does not count
least_by_default      honest       encoding.every_cost              the default is cheaper than declared
denies_corrupt        honest       encoding.broken_is_corrupt       a damaged row is a wrong password
opens_corrupt         honest       encoding.tampered_record         a damaged row opens to everybody
prefix_compare        honest       hashing.neighbours               eight bytes count
nul_truncates         honest       hashing.any_byte                 what follows a NUL does not count
compares_a_byte       honest       hashing.wrong_passwords          one wrong password in 256 is right
prefix_compare        honest       hashing.every_length             eight bytes count
constant_salt         honest       hashing.salts                    one salt for all
short_salt            honest       hashing.salt_entropy             two random bytes
never_settles         renews       hashing.rehash_settles           a new hash needs another one
prefix_compare        honest       hashing.longest                  eight bytes count
denies_no_memory      honest       hashing.short_of_memory          no memory is a wrong password
ignores_step          honest       outage.first_day                 acknowledged and not written
ignores_step          honest       outage.five_steps                acknowledged and not written
denies_outage         honest       outage.morning                   a store that cannot be read is a wrong password
rehash_fails_login    renews       outage.dearer_hashes             a right password fails for its new hash
loses_slots           honest       outage.again_and_again           each failure takes a place
ignores_step          honest       outage.farewell                  acknowledged and not written
damage_is_busy        honest       outage.damaged_file              a damaged file is called busy
default_durability    honest       powercut.first_day               an acknowledged change comes undone
default_durability    honest       powercut.farewell                a removed account comes back
renews_in_two         renews       powercut.dearer_hashes           a cut between the steps takes the account
# What an honest one may do otherwise.
never_locks           other_ways   lockout.every_way                a lock that is only declared
never_resets          other_ways   lockout.machine                  a count that is never given back
counts_outage         other_ways   lockout.outage                   an outage counts
ends_first            other_ways   concurrency.session_and_change   a session in between stays
rehash_ends_sessions  other_ways   concurrency.check_and_rehash     a new hash ends it
revokes_late          other_ways   concurrency.two_revocations      revoked twice
ROWS

# target_of NAME: reference is one by that name, everything else a module.
target_of() {
    case $1 in
    reference) echo reference ;;
    *) echo "so:$MODULES/$1.so" ;;
    esac
}

# without_row CASE...: those of these cases that no row names.
without_row() {
    for name; do
        awk -v name="$name" '$3 == name { found = 1 } END { exit !found }' "$room/rows" || echo "$name"
    done
}

# The names of all cases are the lines that are not indented.
cases=$("$ASSAY" list cases | sed -n 's/^\([a-z][a-z_.]*\) .*/\1/p')
[ "$(printf '%s\n' "$cases" | wc -l)" -ge 80 ] || die "assay list cases names too few cases: $cases"
# shellcheck disable=SC2086 # a word is a name
missing=$(without_row $cases)
[ -z "$missing" ] || die "no row, so nobody knows that they refuse anything: $missing"
[ "$(without_row accounts.machine no.such_case)" = no.such_case ] ||
    die "a case without a row is not noticed"

passed=
while read -r liar honest case why; do
    case $liar in '' | '#'*) continue ;; esac
    expect 1 '^REFUSED: ' "$ASSAY" check "$(target_of "$liar")" --case "$case" --first --out "$room/out"
    printf '%s\n' "$said" | grep -q "^FAIL  $case " || die "$liar: not by $case, or not FAIL: $why"
    case $passed in *" $honest:$case "*) continue ;; esac
    passed="$passed $honest:$case "
    expect 0 '^GREEN: ' "$ASSAY" check "$(target_of "$honest")" --case "$case" --out "$room/out"
    has_event '"event":"case"' "\"case\":\"$case\"" '"verdict":"PASS"' ||
        die "$honest is not judged by $case"
done <"$room/rows"
[ -n "$passed" ] || die "no row was tried"
