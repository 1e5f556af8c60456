/* SPDX-License-Identifier: Apache-2.0
 *
 * Possible credentials.
 *
 * "Failed" does not mean "undone": a commit that reported an I/O error may be found done after
 * recovery. So the model is a set of states. An operation that was answered happened, once. One
 * that was answered `unavailable` stays open: it may take effect at any later moment, once, or
 * never. A state is the password that is current and which operations are still open. An answer
 * keeps the states that explain it; when none is left, no honest history explains what the target
 * said.
 *
 * A target that declares a lockout may answer `locked` after so many attempts that it can have
 * counted. Answered ones count since the last ok; one that was left open may count at any later
 * moment, so it counts for ever, unless its password was certainly the right one: an outage must
 * not lock out who knows it.
 */
#include <stdio.h>
#include <string.h>

#include "cases/cases.h"

void model_init(struct model *model, const struct assay_traits *traits)
{
    memset(model, 0, sizeof *model);
    model->traits = traits;
    model->state_count = 1;
    model->states[0].current = MODEL_ABSENT;
}

/* The number of a password; texts that the target equates have one. */
static int8_t number_of(struct model *model, const struct text *password)
{
    for (uint32_t i = 0; i < model->password_count; i++)
        if (same_password(model->traits, model->passwords[i], password))
            return (int8_t)i;
    if (model->password_count == MODEL_PASSWORDS_MAX)
        return MODEL_PASSWORDS_MAX;
    model->passwords[model->password_count] = password;
    return (int8_t)model->password_count++;
}

static void add_state(struct model *model, struct state state)
{
    for (uint32_t i = 0; i < model->state_count; i++)
        if (model->states[i].current == state.current && model->states[i].open == state.open)
            return;
    if (model->state_count < MODEL_STATES_MAX)
        model->states[model->state_count++] = state;
    else
        model->overflow = true;
}

/* Lets open operations happen, in every order. */
static void let_pending_happen(struct model *model)
{
    for (uint32_t i = 0; i < model->state_count; i++)
        for (uint32_t p = 0; p < model->pending_count; p++) {
            struct state state = model->states[i];
            if (!(state.open & (1u << p)) || state.current != model->pending[p].before)
                continue;
            state.open &= (uint8_t) ~(1u << p);
            state.current = model->pending[p].after;
            add_state(model, state);
        }
}

static void leave_open(struct model *model, int8_t before, int8_t after)
{
    if (model->pending_count == MODEL_PENDING_MAX) {
        model->overflow = true;
        return;
    }
    for (uint32_t i = 0; i < model->state_count; i++)
        model->states[i].open |= (uint8_t)(1u << model->pending_count);
    model->pending[model->pending_count++] = (struct pending){before, after};
}

/* Keeps the states whose current password is `wanted`, or is not. */
static bool keep(struct model *model, int8_t wanted, bool equal)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model->state_count; i++)
        if ((model->states[i].current == wanted) == equal)
            kept++;
    if (kept == 0) /* not explained: the states stay, for the message */
        return false;
    for (uint32_t i = kept = 0; i < model->state_count; i++)
        if ((model->states[i].current == wanted) == equal)
            model->states[kept++] = model->states[i];
    model->state_count = kept;
    return true;
}

static void set(struct model *model, int8_t current)
{
    uint32_t count = model->state_count;
    for (uint32_t i = 0; i < count; i++)
        model->states[i].current = current;
}

/* Whether this is the current password in every state. */
static bool is_certain(struct model *model, int8_t password)
{
    let_pending_happen(model);
    for (uint32_t i = 0; i < model->state_count; i++)
        if (model->states[i].current != password)
            return false;
    return !model->overflow;
}

static bool may_be_locked(const struct model *model)
{
    uint32_t limit = model->traits->lockout_attempts;
    return limit > 0 && model->attempts_since_ok + model->attempts_open >= limit;
}

void model_attempt(struct model *model, enum assay_answer answer)
{
    if (answer == ASSAY_OK)
        model->attempts_since_ok = 0;
    else if (answer == ASSAY_UNAVAILABLE)
        model->attempts_open++;
    else if (answer != ASSAY_REFUSED)
        model->attempts_since_ok++;
}

/* Every operation moves an account from one password to another, or only asks. */
static bool answered(struct model *model, enum assay_answer answer, int8_t before, int8_t after,
                     enum assay_answer no)
{
    let_pending_happen(model);
    if (answer == ASSAY_OK) {
        if (!keep(model, before, true))
            return model->overflow;
        set(model, after);
        return true;
    }
    if (answer == no)
        return keep(model, before, false) || model->overflow;
    if (answer == ASSAY_UNAVAILABLE && before != after)
        leave_open(model, before, after);
    return answer == ASSAY_UNAVAILABLE || answer == ASSAY_REFUSED;
}

/* The same for an operation that checks a password. A lock says nothing about the password, and nor
 * does a denial by a target that hides its locks. */
static bool answered_attempt(struct model *model, enum assay_answer answer, int8_t before,
                             int8_t after)
{
    bool was_right = is_certain(model, before);
    bool is_lock =
        answer == ASSAY_LOCKED || (answer == ASSAY_DENIED && model->traits->hides_lockout);
    bool is_explained =
        (is_lock && may_be_locked(model)) || answered(model, answer, before, after, ASSAY_DENIED);
    if (answer != ASSAY_UNAVAILABLE || !was_right)
        model_attempt(model, answer);
    return is_explained;
}

bool model_register(struct model *model, enum assay_answer answer, const struct text *password)
{
    return answered(model, answer, MODEL_ABSENT, number_of(model, password), ASSAY_EXISTS);
}

bool model_login(struct model *model, enum assay_answer answer, const struct text *password)
{
    int8_t number = number_of(model, password);
    return answered_attempt(model, answer, number, number);
}

bool model_change(struct model *model, enum assay_answer answer, const struct text *before,
                  const struct text *after)
{
    int8_t first = number_of(model, before);
    return answered_attempt(model, answer, first, number_of(model, after));
}

bool model_remove(struct model *model, enum assay_answer answer, const struct text *password)
{
    return answered_attempt(model, answer, number_of(model, password), MODEL_ABSENT);
}

const char *model_text(const struct model *model, char *ret, size_t size)
{
    bool absent = false, present[MODEL_PASSWORDS_MAX + 1] = {false};
    size_t used = 0;
    for (uint32_t i = 0; i < model->state_count; i++)
        if (model->states[i].current == MODEL_ABSENT)
            absent = true;
        else
            present[model->states[i].current] = true;
    used += (size_t)snprintf(ret, size, absent ? "no account" : "");
    for (uint32_t i = 0; i < model->password_count && used + 90 < size; i++)
        if (present[i])
            used += (size_t)snprintf(ret + used, size - used, "%spassword %.80s",
                                     used ? " or " : "", QUOTED_TEXT(model->passwords[i]));
    return ret;
}
