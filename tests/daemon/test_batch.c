#include "daemon/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

struct tally {
    size_t taken;
    atomic_size_t begun;
    size_t furthest; /* how far the workers were ahead at most */
    size_t ticks;
    size_t slow; /* a piece that takes its time */
};

/* The result of piece i is a number that only its own worker could have made. */
static void *square(void *context, size_t index)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->begun, 1);
    if (index == tally->slow)
        nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
    size_t *result = malloc(sizeof *result);
    *result = index * index;
    return result;
}

static void take(void *context, size_t index, void *result)
{
    struct tally *tally = context;
    assert_int_equal(index, tally->taken++);
    assert_int_equal(*(size_t *)result, index * index);
    size_t ahead = atomic_load(&tally->begun) - tally->taken;
    if (ahead > tally->furthest)
        tally->furthest = ahead;
    free(result);
}

static void tick(void *context)
{
    struct tally *tally = context;
    tally->ticks++;
}

static void refuses_wrong_numbers_of_jobs(void **state)
{
    (void)state;
    struct tally tally = {0};
    const struct batch_work work = {.context = &tally, .work = square, .take = take};
    struct tutti_error error;
    assert_int_equal(batch_run(&work, 3, 0, &error), TUTTI_ERROR_ARGUMENT);
    assert_int_equal(batch_run(&work, 3, BATCH_MAX_JOBS + 1, &error), TUTTI_ERROR_ARGUMENT);
    assert_int_equal(tally.taken, 0);
}

static void takes_everything_in_order(void **state)
{
    (void)state;
    static const unsigned jobs[] = {1, 2, 7, BATCH_MAX_JOBS};
    static const size_t counts[] = {0, 1, 2, 1000};
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct tally tally = {.slow = SIZE_MAX};
            const struct batch_work work = {.context = &tally, .work = square, .take = take};
            struct tutti_error error;
            assert_int_equal(batch_run(&work, counts[c], jobs[j], &error), TUTTI_OK);
            assert_int_equal(tally.taken, counts[c]);
        }
    }
}

static void does_not_run_far_ahead_of_a_slow_piece(void **state)
{
    (void)state;
    struct tally tally = {.slow = 0};
    const struct batch_work work = {.context = &tally, .work = square, .take = take, .tick = tick};
    struct tutti_error error;
    assert_int_equal(batch_run(&work, 500, 3, &error), TUTTI_OK);
    assert_int_equal(tally.taken, 500);
    assert_true(tally.furthest <= 3 * 4);
    assert_true(tally.ticks > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_numbers_of_jobs),
        cmocka_unit_test(takes_everything_in_order),
        cmocka_unit_test(does_not_run_far_ahead_of_a_slow_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
