/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of all cases. An explicit list, since registration by linker sections loses entries with
 * archives and garbage collection, and its order differs between compilers.
 */
#include <string.h>

#include "cases/cases.h"

#define CASES(X)                                                                                   \
    X(encoding_round_trip)                                                                         \
    X(encoding_changed_string)                                                                     \
    X(encoding_any_part)                                                                           \
    X(encoding_any_end)                                                                            \
    X(encoding_every_cost)                                                                         \
    X(encoding_broken_is_corrupt)                                                                  \
    X(encoding_tampered_record)                                                                    \
    X(encoding_traps)                                                                              \
    X(encoding_stored_as_given)                                                                    \
    X(encoding_longest_strings)                                                                    \
    X(encoding_hostile_cost)                                                                       \
    X(hashing_neighbours)                                                                          \
    X(hashing_any_byte)                                                                            \
    X(hashing_wrong_passwords)                                                                     \
    X(hashing_every_length)                                                                        \
    X(hashing_salts)                                                                               \
    X(hashing_salt_entropy)                                                                        \
    X(hashing_rehash_settles)                                                                      \
    X(hashing_longest)                                                                             \
    X(hashing_pays_the_cost)                                                                       \
    X(hashing_published_vectors)                                                                   \
    X(hashing_legacy_rows)                                                                         \
    X(hashing_short_of_memory)                                                                     \
    X(unicode_forms_of_a_password)                                                                 \
    X(unicode_every_path)                                                                          \
    X(unicode_same_bytes)                                                                          \
    X(unicode_names)                                                                               \
    X(accounts_machine)                                                                            \
    X(accounts_short_histories)                                                                    \
    X(accounts_names_apart)                                                                        \
    X(accounts_lengths_of_names)                                                                   \
    X(accounts_denial_changes_nothing)                                                             \
    X(accounts_one_policy)                                                                         \
    X(accounts_must_exist)                                                                         \
    X(work_unknown_is_wrong)                                                                       \
    X(work_follows_the_cost)                                                                       \
    X(work_bounded_by_length)                                                                      \
    X(hygiene_hashing)                                                                             \
    X(hygiene_accounts)                                                                            \
    X(hygiene_error_paths)                                                                         \
    X(hygiene_digest)                                                                              \
    X(compat_current_rows)                                                                         \
    X(compat_configurations)                                                                       \
    X(compat_older_rows)                                                                           \
    X(compat_rehashed_rows)                                                                        \
    X(compat_rows_follow_the_cost)                                                                 \
    X(compat_settled_rows)                                                                         \
    X(compat_rolled_back_rows)                                                                     \
    X(compat_production)                                                                           \
    X(compat_short_of_memory)                                                                      \
    X(concurrency_two_registrations)                                                               \
    X(concurrency_two_changes)                                                                     \
    X(concurrency_rehash_and_change)                                                               \
    X(concurrency_remove_and_change)                                                               \
    X(concurrency_right_and_wrong)                                                                 \
    X(concurrency_short_of_memory)                                                                 \
    X(concurrency_any_three)                                                                       \
    X(concurrency_two_names)                                                                       \
    X(concurrency_right_twice)                                                                     \
    X(concurrency_two_hashes)                                                                      \
    X(concurrency_session_and_change)                                                              \
    X(concurrency_check_and_rehash)                                                                \
    X(concurrency_two_revocations)                                                                 \
    X(concurrency_two_guesses)                                                                     \
    X(concurrency_any_guesses)                                                                     \
    X(lockout_every_way)                                                                           \
    X(lockout_machine)                                                                             \
    X(lockout_guesses)                                                                             \
    X(lockout_round_after_round)                                                                   \
    X(lockout_outage)                                                                              \
    X(sessions_tokens)                                                                             \
    X(sessions_changed_tokens)                                                                     \
    X(sessions_every_end)                                                                          \
    X(sessions_machine)                                                                            \
    X(sessions_end_in_time)                                                                        \
    X(sessions_outage)                                                                             \
    X(outage_first_day)                                                                            \
    X(outage_five_steps)                                                                           \
    X(outage_morning)                                                                              \
    X(outage_dearer_hashes)                                                                        \
    X(outage_again_and_again)                                                                      \
    X(outage_farewell)                                                                             \
    X(outage_damaged_file)                                                                         \
    X(powercut_first_day)                                                                          \
    X(powercut_farewell)                                                                           \
    X(powercut_dearer_hashes)                                                                      \
    X(powercut_guesses)                                                                            \
    X(powercut_sessions)

#define DECLARED(name) extern const struct test_case name;
#define LISTED(name)   &name,

CASES(DECLARED)

const struct test_case *const all_cases[] = {CASES(LISTED) NULL};

const struct test_case *case_find(const char *name, uint32_t *ret_index)
{
    for (uint32_t i = 0; all_cases[i]; i++)
        if (strcmp(all_cases[i]->name, name) == 0) {
            *ret_index = i;
            return all_cases[i];
        }
    return NULL;
}
