/* SPDX-License-Identifier: Apache-2.0
 *
 * assay prove: the proof, told as it goes, then the matrix, the document and the gate.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/cli/session.h"
#include "harness/run/proof_record.h"

/* One proof on its way. */
struct proving {
    struct session session;
    struct proof proof;
    struct thresholds thresholds;
    struct gate gate;
    json_t *mutants; /* what is known of them, or null */
};

static void on_begun(void *context, const struct exhibit *exhibit)
{
    const struct proving *proving = context;
    terminal_progress(&proving->session.terminal, "%s", exhibit->name);
}

static void on_building(void *context, const char *name)
{
    const struct proving *proving = context;
    terminal_progress(&proving->session.terminal, "building %s", name);
}

static void on_judged(void *context, const struct exhibit *exhibit)
{
    struct proving *proving = context;
    terminal_exhibit(&proving->session.terminal, exhibit);
    events_write(&proving->session.events, event_of_exhibit(exhibit));
}

/* The member "mutants" of a document, or the document itself. False: it is neither. */
static bool read_mutants(const char *path, json_t **ret)
{
    json_t *document = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *member = json_object_get(document, "mutants");
    *ret = json_incref(member ? member : document);
    json_decref(document);
    return !path || json_is_object(json_object_get(*ret, "by_operator"));
}

/* Which changes there are. EXIT_GREEN: the events are open, and the exhibits listed. */
static enum exit_code find_exhibits(struct proving *proving)
{
    const struct options *options = proving->session.options;
    struct proof *proof = &proving->proof;
    char work[4200];
    if (!options->patches) {
        if (!prove_list(proof))
            return complain(EXIT_UNJUDGED, proof->message);
        return options->resume || session_open(&proving->session, "prove") ? EXIT_GREEN
                                                                           : EXIT_INTERNAL;
    }
    if (!session_open(&proving->session, "prove"))
        return EXIT_INTERNAL;
    snprintf(work, sizeof work, "%s/changes", proving->session.events.folder);
    if (foreign_build(options->patches, options->source, options->build, work, on_building, proving,
                      proof))
        return EXIT_GREEN;
    return session_unjudged(&proving->session, proof->exit_code, proof->message);
}

/* How many of a kind were judged, and are not as they should be. */
static void count(const struct proof *proof, enum exhibit_kind kind, uint32_t *ret_all,
                  uint32_t *ret_bad)
{
    *ret_all = *ret_bad = 0;
    for (uint32_t i = 0; i < proof->exhibit_count; i++) {
        *ret_all += proof->exhibits[i].kind == kind && proof->exhibits[i].judged;
        *ret_bad += proof->exhibits[i].kind == kind && proof->exhibits[i].judged &&
                    !proof->exhibits[i].good;
    }
}

static enum exit_code report(struct proving *proving)
{
    struct session *session = &proving->session;
    struct proof *proof = &proving->proof;
    const struct settings *settings = &session->settings;
    char matrix[4200], part[64] = "";
    uint32_t defects, survivors, harmless, refused;
    gate_judge(&proving->thresholds, settings, proof, proving->mutants, &proving->gate);
    proof->exit_code = proving->gate.failed > 0 ? EXIT_WEAK : EXIT_GREEN;
    terminal_proof(&session->terminal, proof, &proving->gate);
    count(proof, EXHIBIT_DEFECT, &defects, &survivors);
    count(proof, EXHIBIT_HARMLESS, &harmless, &refused);
    snprintf(matrix, sizeof matrix, "%s/matrix.md", session->events.folder);
    enum exit_code exit_code =
        session_save(session->options, json_of_proof(proof, &proving->gate, proving->mutants),
                     matrix_save(proof, &proving->gate, matrix) ? proof->exit_code : EXIT_INTERNAL);
    exit_code = session_close(session, exit_code, verdict_word(exit_code));
    if (settings->shards > 1)
        snprintf(part, sizeof part, "shard %u of %u, ", settings->shard + 1, settings->shards);
    terminal_verdict(
        &session->terminal, exit_code,
        "%s%u defects, %u survive; %u harmless changes, %u refused; rules of the gate: "
        "%u failed, %u not judged; %.1f s of processor time; matrix in %s",
        part, defects, survivors, harmless, refused, proving->gate.failed, proving->gate.not_judged,
        proof->cpu_seconds, matrix);
    return exit_code;
}

static enum exit_code prove(struct proving *proving)
{
    struct session *session = &proving->session;
    const struct listener base = {.loaded = session_loaded,
                                  .found = session_found,
                                  .finished = session_finished,
                                  .shrinking = session_shrinking,
                                  .context = session};
    const struct prove_listener listener = {
        .base = &base, .begun = on_begun, .judged = on_judged, .context = proving};
    struct proof *proof = &proving->proof;
    enum exit_code exit_code = find_exhibits(proving);
    if (exit_code != EXIT_GREEN)
        return exit_code;
    for (uint32_t i = 0; i < proof->exhibit_count; i++)
        (void)print_of_module(proof->exhibits[i].target, proof->exhibits[i].module);
    prove_plan(&session->settings, session->options->full, proof);
    const struct taker taker = {exhibit_take, proof};
    if (session->options->resume)
        exit_code = session_resume(session, "prove", &proof->base, NULL, &taker);
    if (exit_code != EXIT_GREEN)
        return exit_code;
    prove_run(&session->settings, session->options->full, &listener, proof);
    if (proof->exit_code >= EXIT_UNJUDGED)
        return session_unjudged(session, proof->exit_code, proof->message);
    return report(proving);
}

enum exit_code command_prove(const struct options *options)
{
    static struct proving proving;
    char message[MODULE_MESSAGE_BYTES] = "";
    session_init(&proving.session, options, "reference");
    findings_init(&proving.proof.base.findings);
    enum exit_code exit_code;
    if (!thresholds_read(options->gate, &proving.thresholds, message))
        exit_code = complain(EXIT_USAGE, message);
    else if (!read_mutants(options->mutants, &proving.mutants))
        exit_code = complain(EXIT_USAGE, "--mutants wants a document that says what became of them "
                                         "(\"mutants\", with \"by_operator\")");
    else
        exit_code = prove(&proving);
    json_decref(proving.mutants);
    regressions_done(&proving.session.regressions);
    proof_done(&proving.proof);
    return exit_code;
}
