/* SPDX-License-Identifier: Apache-2.0
 *
 * Machines: histories of commands against a model.
 *
 * Each step is one span, so that shrinking can take a command out. A command that the model does
 * not allow now gives way to the next one that is, so no draw is wasted. In half of the runs some
 * commands stay closed (swarm testing: Groce and others, ISSTA 2012): without the commands that
 * undo everything, a history gets farther; the simplest value opens all of them.
 *
 * Objects are referred to by their place among those that are alive, mostly: histories on live
 * objects get somewhere, while the others show what is left of the dead.
 */
#include "harness/engine/engine.h"

#define ATTEMPTS 4 /* at a command that is allowed; then the step does nothing */

static bool is_allowed(const struct machine *machine, uint32_t command, const void *model)
{
    bool (*allowed)(const void *) = machine->commands[command].allowed;
    return !allowed || allowed(model);
}

/* The commands that are allowed, as bits; those that are open, if there are any. */
static uint64_t usable(const struct machine *machine, uint64_t closed, const void *model)
{
    uint64_t allowed = 0;
    for (uint32_t i = 0; i < machine->command_count; i++)
        allowed |= (uint64_t)is_allowed(machine, i, model) << i;
    return allowed & ~closed ? allowed & ~closed : allowed;
}

static uint64_t draw_closed(struct run *run, uint32_t command_count)
{
    int64_t some = draw(run, 0, 1, 0);
    return (uint64_t)draw(run, 0, some ? (int64_t)((1ull << command_count) - 1) : 0, 0);
}

static void observe(struct run *run, const struct machine *machine, uint32_t command,
                    const void *model)
{
    if (run->states && machine->state)
        run->states[(machine->state(model) * COMMANDS_MAX + command) % STATES_MAX] = 1;
}

uint32_t machine_run(struct run *run, const struct machine *machine, void *model)
{
    uint32_t weights[COMMANDS_MAX], steps = 0, acted = 0;
    CHECK_CASE(run, machine->command_count > 0 && machine->command_count <= COMMANDS_MAX,
               "a machine has 1 to %u commands", COMMANDS_MAX);
    for (uint32_t i = 0; i < machine->command_count; i++)
        weights[i] = machine->commands[i].weight ? machine->commands[i].weight : 1;
    uint64_t closed = draw_closed(run, machine->command_count);
    for (bool more = true; more; steps += more) {
        uint32_t span = span_begin(run, "command");
        more = draw_more(run, steps, 0, machine->steps_max);
        if (more) {
            uint64_t among = usable(machine, closed, model);
            CHECK_CASE(run, among != 0, "no command of the machine is allowed");
            size_t picked = draw_weighted(run, weights, machine->command_count);
            for (int i = 0; i < ATTEMPTS && !(among >> picked & 1); i++)
                picked = draw_weighted(run, weights, machine->command_count);
            if (among >> picked & 1) {
                observe(run, machine, (uint32_t)picked, model);
                machine->commands[picked].act(run, model);
                acted++;
            }
        }
        span_end(run, span);
        if (machine->invariant)
            machine->invariant(run, model);
    }
    return acted;
}

size_t draw_object(struct run *run, uint64_t alive, size_t count)
{
    size_t places[64], among = 0;
    bool living = draw(run, 0, 7, 0) < 6;
    for (size_t i = 0; i < count && i < 64; i++)
        if (living == (alive >> i & 1))
            places[among++] = i;
    size_t place = draw_index(run, among ? among : count);
    return among ? places[place] : place;
}
