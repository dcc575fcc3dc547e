#include "daemon/clock.h"
#include "daemon/thread.h"
#include "daemon/wake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG_MS 60000 /* never reached */

static void waits_until_the_deadline_without_a_signal(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    const uint64_t deadline_ns = clock_monotonic_ns() + 5 * CLOCK_NS_PER_MS;
    assert_false(wake_wait_until(&wake, deadline_ns));
    assert_true(clock_monotonic_ns() >= deadline_ns);
    assert_false(wake_wait_until(&wake, 0));
    wake_destroy(&wake);
}

static void keeps_a_signal_that_came_early(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    wake_signal(&wake);
    assert_true(wake_wait_ms(&wake, LONG_MS));
    assert_false(wake_wait_ms(&wake, 1));
    wake_destroy(&wake);
}

static void counts_several_signals_as_one(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    for (int i = 0; i < 1000; i++)
        wake_signal(&wake);
    assert_true(wake_wait_ms(&wake, LONG_MS));
    assert_false(wake_wait_ms(&wake, 1));
    wake_signal(&wake);
    assert_true(wake_wait_ms(&wake, LONG_MS));
    wake_destroy(&wake);
}

struct table_tennis {
    struct wake wake[2];
    int ball; /* whoever has its parity strikes next */
};

enum { STROKES = 20000 };

static void *play_odd(void *context)
{
    struct table_tennis *game = context;
    for (int stroke = 1; stroke < STROKES; stroke += 2) {
        while (__atomic_load_n(&game->ball, __ATOMIC_RELAXED) != stroke)
            wake_wait_ms(&game->wake[1], LONG_MS);
        __atomic_store_n(&game->ball, stroke + 1, __ATOMIC_RELAXED);
        wake_signal(&game->wake[0]);
    }
    return NULL;
}

/* A lost signal would leave both waiting: then the test runs into its time limit. */
static void loses_no_signal_between_two_threads(void **state)
{
    (void)state;
    struct table_tennis game = {.ball = 0};
    wake_init(&game.wake[0]);
    wake_init(&game.wake[1]);
    pthread_t odd;
    assert_int_equal(thread_start(&odd, "odd", play_odd, &game, NULL), TUTTI_OK);
    for (int stroke = 0; stroke < STROKES; stroke += 2) {
        while (__atomic_load_n(&game.ball, __ATOMIC_RELAXED) != stroke)
            wake_wait_ms(&game.wake[0], LONG_MS);
        __atomic_store_n(&game.ball, stroke + 1, __ATOMIC_RELAXED);
        wake_signal(&game.wake[1]);
    }
    pthread_join(odd, NULL);
    assert_int_equal(game.ball, STROKES);
    wake_destroy(&game.wake[0]);
    wake_destroy(&game.wake[1]);
}

struct letter {
    struct wake wake;
    char text[64]; /* not atomic */
};

static void *write_letter(void *context)
{
    struct letter *letter = context;
    strcpy(letter->text, "what was written before the signal");
    wake_signal(&letter->wake);
    return NULL;
}

/* For ThreadSanitizer: the signal orders plain memory. */
static void makes_memory_visible(void **state)
{
    (void)state;
    struct letter letter = {.text = ""};
    wake_init(&letter.wake);
    pthread_t writer;
    assert_int_equal(thread_start(&writer, "writer", write_letter, &letter, NULL), TUTTI_OK);
    assert_true(wake_wait_ms(&letter.wake, LONG_MS));
    assert_string_equal(letter.text, "what was written before the signal");
    pthread_join(writer, NULL);
    wake_destroy(&letter.wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_until_the_deadline_without_a_signal),
        cmocka_unit_test(keeps_a_signal_that_came_early),
        cmocka_unit_test(counts_several_signals_as_one),
        cmocka_unit_test(loses_no_signal_between_two_threads),
        cmocka_unit_test(makes_memory_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
