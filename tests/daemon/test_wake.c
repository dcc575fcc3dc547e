#include "daemon/clock.h"
#include "daemon/thread.h"
#include "daemon/wake.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG_MS 60000 /* never reached, and less than the test's time limit */

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
    int ball;        /* whoever has its parity strikes next */
    atomic_int lost; /* signals */
};

enum { STROKES = 20000 };

/* One player's strokes: first, first + 2, ... */
static void play(struct table_tennis *game, int first)
{
    for (int stroke = first; stroke < STROKES; stroke += 2) {
        while (__atomic_load_n(&game->ball, __ATOMIC_RELAXED) != stroke) {
            if (!wake_wait_ms(&game->wake[first], LONG_MS))
                atomic_fetch_add(&game->lost, 1);
            if (atomic_load(&game->lost) > 0)
                return;
        }
        __atomic_store_n(&game->ball, stroke + 1, __ATOMIC_RELAXED);
        wake_signal(&game->wake[1 - first]);
    }
}

static void *play_odd(void *context)
{
    play(context, 1);
    return NULL;
}

/* A lost signal would leave both waiting. */
static void loses_no_signal_between_two_threads(void **state)
{
    (void)state;
    struct table_tennis game = {.ball = 0};
    wake_init(&game.wake[0]);
    wake_init(&game.wake[1]);
    pthread_t odd;
    assert_int_equal(thread_start(&odd, "odd", play_odd, &game, NULL), TUTTI_OK);
    play(&game, 0);
    pthread_join(odd, NULL);
    assert_int_equal(game.lost, 0);
    assert_int_equal(game.ball, STROKES);
    wake_destroy(&game.wake[0]);
    wake_destroy(&game.wake[1]);
}

/* The linker puts this in place of sem_post() (see meson.build): a thread can be stopped there. */
int __wrap_sem_post(sem_t *semaphore);
int __real_sem_post(sem_t *semaphore);

static _Thread_local bool stops_at_post;
static atomic_bool stopped;
static atomic_bool may_go_on;

int __wrap_sem_post(sem_t *semaphore)
{
    if (stops_at_post) {
        atomic_store(&stopped, true);
        while (!atomic_load(&may_go_on))
            sched_yield();
    }
    return __real_sem_post(semaphore);
}

static void *signal_and_stop_halfway(void *context)
{
    stops_at_post = true;
    wake_signal(context);
    return NULL;
}

/* A thread of low priority may be stopped in the middle of a signal for as long as others like:
 * their signals arrive all the same. */
static void does_not_wait_for_a_thread_that_is_stopped_in_a_signal(void **state)
{
    (void)state;
    struct wake wake;
    pthread_t thread;
    wake_init(&wake);
    assert_int_equal(thread_start(&thread, "stopped", signal_and_stop_halfway, &wake, NULL),
                     TUTTI_OK);
    while (!atomic_load(&stopped))
        sched_yield();
    wake_signal(&wake);
    const bool woke = wake_wait_ms(&wake, 1000);
    atomic_store(&may_go_on, true);
    pthread_join(thread, NULL);
    assert_true(woke);
    wake_destroy(&wake);
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
        cmocka_unit_test(does_not_wait_for_a_thread_that_is_stopped_in_a_signal),
        cmocka_unit_test(makes_memory_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
