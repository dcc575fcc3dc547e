#include "daemon/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define START (1000 * S)

static void note_all(struct health *health, uint64_t now_ns)
{
    for (int stage = 0; stage < HEALTH_STAGES; stage++)
        health_note(health, (enum health_stage)stage, now_ns);
}

static void names_its_stages(void **state)
{
    (void)state;
    assert_string_equal(health_stage_name(HEALTH_CAPTURE), "capture");
    assert_string_equal(health_stage_name(HEALTH_LISTENER), "listener");
    assert_string_equal(health_stage_name(HEALTH_RECOGNIZER), "recognizer");
    assert_string_equal(health_stage_name(HEALTH_PUBLISHER), "publisher");
    assert_string_equal(health_stage_name(HEALTH_STAGES), "?");
}

static void gives_grace_at_the_start_and_no_more(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, START);
    assert_true(health_check(&health, START, 1.0, 0.25).healthy);
    assert_true(health_check(&health, START + 3 * S, 1.0, 0.25).healthy);
    const struct health_report late = health_check(&health, START + 4 * S, 1.0, 0.25);
    assert_false(late.healthy);
    assert_int_equal(late.late, HEALTH_CAPTURE);
    assert_true(late.late_s == 4.0);
}

static void names_the_first_stage_that_is_silent(void **state)
{
    (void)state;
    for (int silent = 0; silent < HEALTH_STAGES; silent++) {
        struct health health;
        health_init(&health, START);
        note_all(&health, START + 10 * S);
        for (int stage = 0; stage < silent; stage++)
            health_note(&health, (enum health_stage)stage, START + 15 * S);
        const struct health_report late = health_check(&health, START + 15 * S, 1.0, 0.25);
        assert_false(late.healthy);
        assert_int_equal(late.late, silent);
        assert_true(late.late_s == 5.0);
    }
}

static void is_healthy_again_when_the_stage_speaks(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, START);
    note_all(&health, START + S);
    assert_false(health_check(&health, START + 9 * S, 1.0, 0.25).healthy);
    note_all(&health, START + 9 * S);
    const struct health_report report = health_check(&health, START + 9 * S, 1.0, 0.25);
    assert_true(report.healthy);
    assert_true(report.late_s == 0.0);
}

/* Only who speaks once a hop is waited for that long. */
static void allows_a_hop_to_those_who_speak_once_a_hop(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, START);
    note_all(&health, START + 10 * S);
    health_note(&health, HEALTH_CAPTURE, START + 30 * S);
    health_note(&health, HEALTH_LISTENER, START + 30 * S);
    assert_true(health_check(&health, START + 30 * S, 1.0, 20.0).healthy);
    const struct health_report late = health_check(&health, START + 32 * S, 1.0, 20.0);
    assert_int_equal(late.late, HEALTH_CAPTURE);
    health_note(&health, HEALTH_CAPTURE, START + 32 * S);
    health_note(&health, HEALTH_LISTENER, START + 32 * S);
    assert_int_equal(health_check(&health, START + 32 * S, 1.0, 20.0).late, HEALTH_RECOGNIZER);
    assert_false(health_check(&health, START + 32 * S, 1.0, 20.0).healthy);
}

/* Sound comes again after a minute: the stages behind it have as long as ever from then on, and are
 * late if they do not take it. */
static void blames_nobody_for_a_pause_of_the_sound(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, START);
    note_all(&health, START + 10 * S);
    health_note(&health, HEALTH_CAPTURE, START + 70 * S);
    health_resume(&health, START + 70 * S);
    assert_true(health_check(&health, START + 70 * S, 1.0, 0.25).healthy);
    health_note(&health, HEALTH_CAPTURE, START + 71 * S + S / 5);
    health_note(&health, HEALTH_LISTENER, START + 71 * S + S / 5);
    assert_true(health_check(&health, START + 71 * S + S / 5, 1.0, 0.25).healthy);
    health_note(&health, HEALTH_CAPTURE, START + 72 * S);
    health_note(&health, HEALTH_LISTENER, START + 72 * S);
    struct health_report late = health_check(&health, START + 72 * S, 1.0, 0.25);
    assert_false(late.healthy);
    assert_int_equal(late.late, HEALTH_RECOGNIZER);
    assert_true(late.late_s == 2.0);
    late = health_check(&health, START + 74 * S, 1.0, 0.25); /* the pause excuses no second one */
    assert_int_equal(late.late, HEALTH_CAPTURE);
    assert_true(late.late_s == 2.0);
}

static void ignores_old_notes_and_clocks_that_are_behind(void **state)
{
    (void)state;
    struct health health;
    health_init(&health, START);
    note_all(&health, START + 10 * S);
    note_all(&health, START + 5 * S);
    note_all(&health, 0);
    assert_true(health_check(&health, START + 10 * S + S / 2, 1.0, 0.25).healthy);
    assert_true(health_check(&health, START, 1.0, 0.25).healthy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_its_stages),
        cmocka_unit_test(gives_grace_at_the_start_and_no_more),
        cmocka_unit_test(names_the_first_stage_that_is_silent),
        cmocka_unit_test(is_healthy_again_when_the_stage_speaks),
        cmocka_unit_test(allows_a_hop_to_those_who_speak_once_a_hop),
        cmocka_unit_test(blames_nobody_for_a_pause_of_the_sound),
        cmocka_unit_test(ignores_old_notes_and_clocks_that_are_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
