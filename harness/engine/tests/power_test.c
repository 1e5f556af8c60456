/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows that power cuts are choices: a search looks at each state once and at all of them, and at
 * each look the choices are those of a run that cuts the power there and nowhere else.
 *
 * The disk is a toy whose state is the set of changes that it kept, so that what must come out can
 * be counted by hand. A scenario is a string: w is a change, s a sync of all that is pending, a an
 * acknowledgement, and each | begins a step.
 */
#include "harness/engine/tests/one_run.h"

#define CHANGES_MAX 64

/* --- The toy ---------------------------------------------------------------------------------- */

static struct {
    uint32_t count;
    bool is_sync[CHANGES_MAX];
    uint64_t kept; /* one bit for each change */
} disk;

static void toy_watch(void)
{
    disk.count = 0;
}

static bool toy_stop(void)
{
    return true;
}

/* The first change behind the last sync. */
static uint32_t first_pending(uint32_t moment, bool syncs_lie)
{
    uint32_t first = moment;
    while (first > 0 && (syncs_lie || !disk.is_sync[first - 1]))
        first--;
    return first;
}

static uint32_t toy_pending(uint32_t moment, bool syncs_lie)
{
    return moment - first_pending(moment, syncs_lie);
}

static uint64_t toy_restore(uint32_t moment, const struct power_cut *cut)
{
    uint32_t first = first_pending(moment, cut->syncs_lie);
    disk.kept = (1ull << first) - 1;
    for (uint32_t i = first; i < moment; i++)
        disk.kept |= (uint64_t)(cut->fates[i - first] == FATE_KEPT && !disk.is_sync[i]) << i;
    for (uint32_t i = 0; i < moment; i++) /* a sync is no content */
        disk.kept &= ~((uint64_t)disk.is_sync[i] << i);
    return disk.kept + 1;
}

static bool toy_possible(uint32_t index, enum fate fate)
{
    (void)index;
    return fate == FATE_KEPT || fate == FATE_LOST;
}

static const char *toy_describe(uint32_t moment, uint32_t since, char *ret, size_t size)
{
    snprintf(ret, size, "change %u", moment - since);
    return ret;
}

static void toy_change(bool is_sync)
{
    power_change();
    disk.is_sync[disk.count++] = is_sync;
}

/* --- One scenario ----------------------------------------------------------------------------- */

#define LOOKS_MAX 4096

struct scenario {
    const char *text;
    uint64_t fails_at; /* a look at this set of kept changes fails; 0: none does */
    uint32_t looks, lying_looks;
    uint64_t seen[LOOKS_MAX]; /* kept changes, and above them what was acknowledged */
};

static void look(struct run *run, const struct power_moment *moment, void *context)
{
    struct scenario *scenario = context;
    step(run, "look");
    scenario->lying_looks += moment->syncs_lie;
    if (scenario->looks < LOOKS_MAX && moment->cut && !moment->syncs_lie)
        scenario->seen[scenario->looks++] = disk.kept | (uint64_t)moment->marks << 48;
    CHECK(run, !moment->cut || scenario->fails_at == 0 || disk.kept != scenario->fails_at,
          "as planned");
}

static void play(struct run *run, const void *subject)
{
    struct scenario *scenario = (struct scenario *)(uintptr_t)subject;
    draw(run, 0, 9, 0);
    power_watch(run);
    step(run, "first");
    for (const char *letter = scenario->text; *letter; letter++)
        switch (*letter) {
        case '|':
            step(run, "next");
            break;
        case 'a':
            power_mark(1);
            break;
        default:
            toy_change(*letter == 's');
        }
    power_cuts(run, look, scenario);
}

static const char *restarts(void *context)
{
    ++*(uint32_t *)context;
    return NULL;
}

static uint32_t restarted;
static struct power_search search;

static enum verdict play_with(struct scenario *scenario, struct source *source, bool searching)
{
    static struct run run;
    const struct test_case test_case = {.name = "test.play", .body = play};
    const struct world world = {
        .begin = nothing_begins, .end = nothing_ends, .context = &restarted, .restart = restarts};
    memset(&run, 0, sizeof run);
    run.source = source;
    run.choices = &drawn;
    run.outcome = &outcome;
    run.telling = true;
    run.search = searching ? &search : NULL;
    scenario->looks = scenario->lying_looks = restarted = 0;
    return case_run(&run, &test_case, scenario, &world);
}

static enum verdict search_through(struct scenario *scenario, uint64_t first, uint64_t count_max)
{
    struct source_power source;
    search.first = first;
    search.count_max = count_max;
    search.fired_only = search.light = false;
    power_search_start(&search);
    source_power_start(&source, NULL, 0, &search.values);
    return play_with(scenario, &source.source, true);
}

/* --- Tests ------------------------------------------------------------------------------------ */

static struct scenario scenario;

static bool was_seen(uint64_t what, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (scenario.seen[i] == what)
            return true;
    return false;
}

static void every_state_once(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t moments, states;
        const char *why;
    } rows[] = {
        {"", 1, 1, "nothing happened: what was there"},
        {"w", 2, 2, "done or not"},
        {"wwww", 5, 16, "all subsets of four"},
        {"wwsww", 6, 7, "four, and four behind the sync, one of them common"},
        {"ww|ww", 5, 16, "a step changes nothing"},
        {"wws", 4, 4, "the sync makes one of them certain"},
        {"wwaww", 5, 2 + 16, "of the first moments two; then all, with another thing acknowledged"},
        {"wwa", 3, 2 + 4, "the end is a moment, too"},
        {"wwwwwwwwww", 11, 1024, "all subsets of ten"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        scenario = (struct scenario){.text = rows[i].text};
        assert_int_equal(search_through(&scenario, 0, 100000), VERDICT_PASS);
        assert_int_equal(scenario.looks, rows[i].states);
        assert_int_equal(search.moments, rows[i].moments);
        assert_int_equal(search.states, 1 + scenario.looks + scenario.lying_looks);
        assert_int_equal(restarted, search.states); /* and a power that never went */
        assert_false(search.more);
        for (uint32_t look_at = 0; look_at < scenario.looks; look_at++)
            assert_false(was_seen(scenario.seen[look_at], look_at));
    }
}

/* Above ten pending changes a sample: at least none, all, each prefix, each but one, each alone. */
static void samples(void **state)
{
    (void)state;
    scenario = (struct scenario){.text = "wwwwwwwwwwww"};
    assert_int_equal(search_through(&scenario, 0, 100000), VERDICT_PASS);
    assert_in_range(scenario.looks, 1024 + 2 + 10 + 12, 1024 + 2 * (2 + 3 * 12 + POWER_SAMPLES));
    for (uint32_t i = 0; i < 12; i++) {
        assert_true(was_seen((1ull << i) - 1, scenario.looks));
        assert_true(was_seen(1ull << i, scenario.looks));
        assert_true(was_seen(0xfff & ~(1ull << i), scenario.looks));
    }
}

/* With syncs that lied nothing is certain, and one state is looked at however much was
 * acknowledged.
 */
static void lies(void **state)
{
    (void)state;
    scenario = (struct scenario){.text = "wsaws"};
    assert_int_equal(search_through(&scenario, 0, 100000), VERDICT_PASS);
    assert_int_equal(scenario.looks, 2 + 2);
    assert_int_equal(scenario.lying_looks, 4); /* two changes, each there or not */
}

/* A budget leaves states out and says so; a search goes on behind any state as if it had not
 * stopped. */
static void budgets(void **state)
{
    (void)state;
    static uint64_t whole[LOOKS_MAX];
    scenario = (struct scenario){.text = "wwaww|www"};
    assert_int_equal(search_through(&scenario, 0, 100000), VERDICT_PASS);
    uint32_t looks = scenario.looks;
    memcpy(whole, scenario.seen, sizeof whole);
    assert_int_equal(search_through(&scenario, 0, looks / 2), VERDICT_PASS);
    assert_true(search.more);
    assert_int_equal(search.states, looks / 2);
    assert_memory_equal(scenario.seen, whole, (looks / 2 - 1) * sizeof *whole);
    for (uint32_t first = 1; first <= looks; first += 7) {
        assert_int_equal(search_through(&scenario, first, 1), VERDICT_PASS);
        assert_int_equal(scenario.looks, 1);
        assert_int_equal(scenario.seen[0], whole[first - 1]);
        assert_int_equal(search.state, first);
    }
}

/* What a failed look leaves behind is a run of its own: the same choices, without a search, fail at
 * the same state, and its story has one look only. */
static void failures_replay(void **state)
{
    (void)state;
    static struct choices failed;
    struct source_replay replay;
    char story[STORY_BYTES];
    scenario = (struct scenario){.text = "ww|wsw|ww", .fails_at = 0x17}; /* all but the last two */
    assert_int_equal(search_through(&scenario, 0, 100000), VERDICT_FAIL);
    choices_copy(&failed, &drawn);
    memcpy(story, outcome.story, sizeof story);
    assert_int_equal(failed.at[2].kind, CHOICE_CASE);
    assert_int_equal(failed.at[3].kind, CHOICE_POWER);
    source_replay_start(&replay, failed.at, failed.count, false);
    assert_int_equal(play_with(&scenario, &replay.source, false), VERDICT_FAIL);
    assert_int_equal(disk.kept, scenario.fails_at);
    assert_int_equal(replay.drifted_at, -1);
    assert_int_equal(drawn.count, failed.count);
    assert_string_equal(outcome.story, story);
    assert_string_equal(outcome.story,
                        "power cut at \"next\" as it begins; of 1 pending change all survive\n");
}

/* The simplest run is one in which the power never goes; a moment that is not there suits nothing.
 */
static void origins_and_strangers(void **state)
{
    (void)state;
    struct power_values values;
    struct source_power source;
    struct power_cut cut = {.happens = true, .step = 1, .change = 1};
    scenario = (struct scenario){.text = "w|ww"};
    power_values(&(struct power_cut){0}, &values);
    source_power_start(&source, NULL, 0, &values);
    assert_int_equal(play_with(&scenario, &source.source, false), VERDICT_PASS);
    assert_int_equal(scenario.looks, 0);
    assert_string_equal(outcome.site_text, "");
    power_values(&cut, &values);
    source_power_start(&source, NULL, 0, &values);
    assert_int_equal(play_with(&scenario, &source.source, false), VERDICT_PASS);
    assert_int_equal(scenario.looks, 1);
    cut.change = 3;
    power_values(&cut, &values);
    source_power_start(&source, NULL, 0, &values);
    assert_int_equal(play_with(&scenario, &source.source, false), VERDICT_REJECTED);
}

/* A world in which nobody can be restarted has no power that can be cut. */
static void needs_a_world(void **state)
{
    (void)state;
    scenario = (struct scenario){.text = "w"};
    assert_int_equal(run_at_origin(play, &scenario), VERDICT_UNSUPPORTED);
}

int main(void)
{
    static const struct power_supply toy = {toy_watch,   toy_stop,     toy_pending,
                                            toy_restore, toy_possible, toy_describe};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_once),
        cmocka_unit_test(samples),
        cmocka_unit_test(lies),
        cmocka_unit_test(budgets),
        cmocka_unit_test(failures_replay),
        cmocka_unit_test(origins_and_strangers),
        cmocka_unit_test(needs_a_world),
    };
    power_install(&toy);
    return cmocka_run_group_tests_name("engine.power", tests, NULL, NULL);
}
