/* SPDX-License-Identifier: Apache-2.0
 *
 * Every limit of the harness in one place. Whatever input, a target or chance can make grow has a
 * row here, and what happens at the limit is said beside it.
 */
#ifndef ASSAY_LIMITS_H
#define ASSAY_LIMITS_H

#define CHOICES_MAX                                                                                \
    8192u /* choices of one run; one more makes the run an overrun, which is counted */
#define SPANS_MAX                                                                                  \
    2048u /* spans of one run; further ones are not recorded, which only slows shrinking */
#define DEVIATIONS_MAX                                                                             \
    64u /* of one sequence in exhaustive search; what has more is left out, which is said */
#define TEXT_BYTES_MAX    2048u /* of one drawn text; longer ones are cut */
#define COMMANDS_MAX      32u   /* of a machine; more is an error */
#define STATES_MAX        4096u /* abstract states of a machine times commands that are told apart */
#define OBSERVATIONS_MAX  16u   /* labels, demands and maxima of one case; more is an error */
#define ANSWER_MARKS      48u   /* of what a subject answered; runs beyond 2^47 are not marked */
#define FACTORS_MAX       16u   /* of one case; more is an error */
#define FACTOR_LEVELS_MAX 64u   /* of one factor */
#define COVERING_ROWS_MAX 2048u /* more is an error */
#define SPAN_LABEL_BYTES  16u   /* of the label of a span; the rest is cut */
#define DEFERRED_MAX      64u /* clean-ups that one run may register; one more is a bug of the case */
#define STEP_NAME_BYTES   24u /* the name of a step, with its NUL */
#define STEPS_MAX                                                                                  \
    64u /* steps of one run that faults can tell apart; later ones share the last number */
#define FAULTS_MAX                                                                                 \
    3u /* faults of one plan: DESIGN asks for singles, pairs, and one during recovery */
#define ATTRIBUTIONS_MAX                                                                           \
    256u /* kinds of fault times causes that one case tells apart; further ones are not counted */
#define FAULT_KINDS_MAX                                                                            \
    512u /* sites of one kind that pairs of a plain check tell apart; all of what is behind is     \
          * tried                                                                                  \
          */
#define REPORTS_MAX                                                                                \
    4u /* different causes that are kept of one run; further ones are not counted                  \
        */
#define SECRETS_MAX      16u /* of one run, that are watched for; one more is a bug of the case */
#define SECRET_BYTES_MAX 64u /* of one that count */
#define OPERATIONS_MAX   48u /* operations that interceptors may name */
#define ROLES_MAX        8u  /* file roles that interceptors may name */
#define SITES_MAX                                                                                  \
    16384u /* sites that one counting run records; more is an error, never a sample                \
            */
#define OCCURRENCES_MAX 65535u /* highest occurrence that a plan can name */
#define POWER_CHANGES_MAX                                                                          \
    4096u /* changes of the disk in a run that power cuts look at; more make the case VACUOUS */
#define POWER_PENDING_MAX                                                                          \
    512u /* pending changes at one moment that have a fate of their own; older ones are kept */
#define POWER_WHOLE_MAX 10u /* pending changes of which all subsets are tried; above, a sample */
#define POWER_SAMPLES   64u /* by chance, at a moment with more of them */
#define POWER_STATES_MAX                                                                           \
    49152u                   /* distinct states in one search; no more are tried, which is said */
#define MESSAGE_BYTES 512u   /* of one failed check */
#define STORY_BYTES   16384u /* steps of one counterexample; the rest is cut, and said to be cut */
#define OUTPUT_BYTES_KEPT                                                                          \
    4096u /* of what a target prints; the last ones are shown with a crash                         \
           */
#define OUTPUT_BYTES_MAX                                                                           \
    (1u << 20) /* of what a target may print during one request; more is a finding */
#define FILE_BYTES_MAX                                                                             \
    (64u                                                                                           \
     << 20) /* of one file that a target writes on the real disk; one byte more ends its process   \
             */
#define TOKEN_BYTES_MAX           (16u * CHOICES_MAX) /* of a token, which comes from outside */
#define KNOWN_FINDINGS_MAX        64u                 /* of one target; more is an error */
#define KNOWN_FILE_BYTES_MAX      (1u << 16)          /* of their file; a longer one is an error */
#define REGRESSIONS_MAX           1024u               /* tokens that are kept; more is an error */
#define REGRESSION_FILE_BYTES_MAX (1u << 20) /* of one file of them; a longer one is an error */
#define NOTE_BYTES_MAX            250u       /* of the comment above a kept token */
#define NAME_BYTES_MAX            64u        /* of the name of a case or target in a token */

#define THREADS_MAX       8u   /* of one schedule; more is a bug of the case */
#define TIMED_WAIT_PAUSES 100u /* by others in a schedule, after which a timed wait may end */
#define BLOCKED_LOOKS                                                                              \
    10u /* at a blocked thread of a schedule, within a second; then it is not supported */

#define PROXY_CONNECTIONS_MAX  64u        /* at once; further ones wait until one ends */
#define PROXY_BUFFER_BYTES     16384u     /* under way in one direction; then the sender waits */
#define PROXY_RECORD_BYTES_MAX 65536u     /* of a request; a longer one is not duplicated */
#define PROXY_BYTE_MAX         999999999u /* the last byte that a plan can name */
#define PROXY_PLAN_BYTES       64u        /* the text of a plan, with its NUL */
#define PROXY_PLANS_MAX        1000000u   /* of one exchange; more is an error */
#define PROXY_DELAY_MS_MAX     60000u
#define PROXY_PATIENCE_MS                                                                          \
    2000u /* with a receiver that does not read; then the plan strikes without that */
#define PROXY_CLIENT_SECONDS_MAX 3600u

#define MUTANTS_MAX          32768u /* of one module; more is an error */
#define MUTANT_OPERATORS_MAX 64u    /* kinds of them; more is an error */
#define MUTANT_NAME_BYTES    64u    /* of the name of an operator or function; the rest is cut */
#define MUTANT_FILE_BYTES    128u   /* of the name of a source file; the rest is cut */
#define MUTANT_KEPT_BYTES_MAX                                                                      \
    (4u << 20) /* of the runs that one case and technique keep because they reach one; more is an  \
                  error */
#define MUTANT_MEMORY_BYTES_MAX                                                                    \
    (2ull << 30) /* of a process in which they run; what asks for more does not get it */
#define MUTANT_TEXT_BYTES 256u /* of what a mutant replaces, or puts there; the rest is cut */

#define SUPPRESSIONS_MAX            1024u /* mutants that need not be killed; more is an error */
#define SUPPRESSIONS_FILE_BYTES_MAX (1u << 20) /* of their file; a longer one is an error */
#define SOURCE_BYTES_MAX                                                                           \
    (4u << 20) /* of a source file that a survivor is shown in; no longer one is read */
#define CHANGED_HUNKS_MAX   32768u /* of one difference; more is an error */
#define MUTANT_BUDGET_MS    2000u  /* of work with one mutant */
#define MUTANT_HANG_SECONDS 2u     /* of patience with one, each of two times */
#define MUTANTS_OF_PROCESS  100u   /* before it is begun anew, for what they leave */

#define RECORD_BYTES_MAX                                                                           \
    (1u << 20) /* of one line of events; a longer one is refused, and none is written */
#define JOBS_MAX       256u   /* cells at once */
#define EXHIBITS_MAX   256u   /* changes of one proof; further ones are not taken */
#define REFUSALS_MAX   4096u  /* cells that refuse one change; more are not read back */
#define PATH_BYTES_MAX 1024u  /* of the path of a foreign module; a longer one is an error */
#define PROBES_MAX     4096u  /* of the lines of one change; further ones are not planted */
#define SHARDS_MAX     10000u /* parts that a run may be cut into */

#define EXPLAIN_EXECUTIONS_MAX 600u  /* executions that find out what does not matter */
#define SHRINK_EXECUTIONS_MAX  3000u /* executions of one shrink */
#define SHRINK_FAILURES_MAX                                                                        \
    500u /* of them in a row without progress; the longest that was worth it in the engine's tests \
            is 255 */
#define EXPLAINED_MAX                                                                              \
    8u /* parts of a failure that are said not to matter; no more are looked for */
#define HANG_SECONDS 10u /* without progress: blocked, or spinning without passing an edge */

#endif
