/* test_timeline_read.c - daemon/timeline.h: the history, and readers beside the publisher. */
#include "daemon/timeline.h"

#include "daemon/clock.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/timeline_fixture.h"

static void test_history(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline(); /* keeps 36 s: 144 frames */
    for (uint64_t i = 1; i <= 400; i++) {
        add(timeline, i, (float)(i % 2), 0.2f, 0);
    }
    struct timeline_step step;
    assert_true(timeline_history_step(timeline, 90, 91, &step));
    assert_int_equal(step.frames, 4);
    assert_true(step.t == 90);
    assert_true(step.level_dbfs == -20);
    assert_true(fabsf(step.probability[0] - 0.5f) < 1e-6f);
    assert_true(fabsf(step.probability[1] - 0.2f) < 0.002f);
    assert_false(timeline_history_step(timeline, 0, 60, &step)); /* no longer held */
    assert_false(timeline_history_step(timeline, 100.1, 1e300, &step));
    assert_true(timeline_history_step(timeline, -1e300, 1e300, &step));
    assert_int_equal(step.frames, 144);
    timeline_free(timeline);
}

struct steps {
    size_t count;
    size_t frames;
    double last_t;
};

static void count_step(void *context, const struct timeline_step *step)
{
    struct steps *steps = context;
    assert_true(steps->count == 0 || step->t > steps->last_t);
    steps->count++;
    steps->frames += step->frames;
    steps->last_t = step->t;
}

static void test_walking_over_history(void **state)
{
    (void)state;
    struct timeline *timeline = new_timeline();
    for (uint64_t i = 1; i <= 100; i++) { /* t = 0.25 ... 25 */
        add(timeline, i, 0, 0, 0);
    }
    struct steps steps = {0};
    /* Steps of 0.1 s: a frame in at most every second; each frame once, whatever the rounding. */
    assert_int_equal(timeline_history(timeline, 0, 30, 0.1, 1000, count_step, &steps), 100);
    assert_int_equal(steps.frames, 100);
    steps = (struct steps){0};
    assert_int_equal(timeline_history(timeline, 0, 30, 7, 1000, count_step, &steps), 4);
    assert_int_equal(steps.frames, 100);
    steps = (struct steps){0};
    assert_int_equal(timeline_history(timeline, 0, 30, 1, 5, count_step, &steps), 5);
    steps = (struct steps){0};
    assert_int_equal(timeline_history(timeline, 0, 10.1, 4, 1000, count_step, &steps), 3);
    assert_int_equal(steps.frames, 40); /* to_s ends the last step */
    assert_int_equal(timeline_history(timeline, 5, 5, 1, 1000, count_step, &steps), 0);
    assert_int_equal(timeline_history(timeline, 0, 30, NAN, 1000, count_step, &steps), 0);
    timeline_free(timeline);
}

/* ---- threads ---- */

#define STRESS_RESULTS 20000

struct stress {
    struct timeline *timeline;
    _Atomic unsigned changes;
    _Atomic bool done;
};

static void note_change(void *context)
{
    struct stress *stress = context;
    atomic_fetch_add(&stress->changes, 1);
}

/* Reads all events; each id comes once and in order, except for those reported as dropped. */
static void *read_all(void *argument)
{
    struct stress *stress = argument;
    size_t size = timeline_max_event_size(stress->timeline);
    char *text = malloc(size);
    uint64_t last = timeline_last_id(stress->timeline);
    const char *problem = text == NULL ? "out of memory" : NULL;
    for (bool done = false; problem == NULL;) {
        done = atomic_load(&stress->done);
        uint64_t before = last;
        uint64_t dropped;
        size_t length = timeline_read_events(stress->timeline, &last, &dropped, text, size);
        uint64_t expected = before + dropped;
        for (size_t at = 0; at < length && problem == NULL;) {
            unsigned long long id = 0;
            char *end = memmem(text + at, length - at, "\n\n", 2);
            if (end == NULL || sscanf(text + at, "id: %llu", &id) != 1 || id != ++expected) {
                problem = "an event is broken, or comes twice or never";
            } else {
                at = (size_t)(end - text) + 2;
            }
        }
        if (problem == NULL && expected != last) {
            problem = "the number of dropped events is wrong";
        }
        struct timeline_frame frame;
        struct timeline_step step;
        if (problem == NULL && timeline_now(stress->timeline, &frame) &&
            frame.probability[0] != frame.probability[1]) {
            problem = "a frame is torn";
        }
        (void)timeline_history_step(stress->timeline, 0, 1e9, &step);
        if (length == 0 && done) {
            break;
        }
    }
    free(text);
    return (void *)(uintptr_t)problem;
}

static void test_readers_and_the_publisher_at_once(void **state)
{
    (void)state;
    struct stress stress = {.timeline = NULL};
    struct timeline_config config = good_config();
    config.changed = note_change;
    config.context = &stress;
    stress.timeline = timeline_new(&config, NULL);
    pthread_t readers[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &stress), 0);
    }
    for (uint64_t i = 1; i <= STRESS_RESULTS; i++) {
        float p = (float)(i % 100) / 100;
        add(stress.timeline, i, p, p, 0);
    }
    atomic_store(&stress.done, true);
    for (size_t i = 0; i < 2; i++) {
        void *problem;
        assert_int_equal(pthread_join(readers[i], &problem), 0);
        if (problem != NULL) {
            fail_msg("%s", (const char *)problem);
        }
    }
    assert_int_equal(atomic_load(&stress.changes), STRESS_RESULTS);
    timeline_free(stress.timeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_walking_over_history),
        cmocka_unit_test(test_readers_and_the_publisher_at_once),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
