#include "daemon/queue.h"
#include "daemon/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LONG_MS 3600000 /* beyond the time limit */

static void refuses_what_a_ring_refuses(void **state)
{
    (void)state;
    assert_null(queue_new(0, 4));
    assert_null(queue_new(8, 0));
    assert_null(queue_new(8, 3));
    queue_free(NULL);
}

static void keeps_order_and_refuses_when_full(void **state)
{
    (void)state;
    struct queue *queue = queue_new(sizeof(int), 4);
    int value;
    assert_false(queue_pop(queue, &value));
    assert_null(queue_read_begin(queue));
    for (int i = 0; i < 4; i++)
        assert_true(queue_push(queue, &i));
    assert_false(queue_push(queue, &(int){4}));
    assert_int_equal(queue_count(queue), 4);
    assert_int_equal(queue_capacity(queue), 4);
    assert_int_equal(*(const int *)queue_read_begin(queue), 0);
    queue_read_end(queue);
    for (int i = 1; i < 4; i++) {
        assert_true(queue_pop(queue, &value));
        assert_int_equal(value, i);
    }
    assert_int_equal(queue_count(queue), 0);
    queue_free(queue);
}

static void count_call(void *context)
{
    ++*(int *)context;
}

/* A reader of several queues is told instead of being woken. */
static void calls_a_reader_that_does_not_sleep(void **state)
{
    (void)state;
    struct queue *queue = queue_new(sizeof(int), 4);
    int calls = 0;
    int value = 7;
    queue_on_wake(queue, count_call, &calls);
    queue_push(queue, &value);
    assert_int_equal(calls, 0);
    queue_wake(queue);
    assert_int_equal(calls, 1);
    assert_true(queue_pop(queue, &value));
    assert_int_equal(calls, 1);
    queue_end(queue);
    assert_int_equal(calls, 2);
    assert_true(queue_done(queue));
    queue_free(queue);
}

static void is_done_only_when_ended_and_read(void **state)
{
    (void)state;
    struct queue *queue = queue_new(sizeof(int), 4);
    int value = 7;
    assert_false(queue_done(queue));
    queue_push(queue, &value);
    queue_end(queue);
    queue_end(queue);
    assert_false(queue_done(queue));
    queue_wait(queue, LONG_MS); /* returns at once: there is a message */
    assert_true(queue_pop(queue, &value));
    assert_true(queue_done(queue));
    queue_wait(queue, LONG_MS); /* returns at once: there is the end */
    queue_free(queue);
}

static void waits_for_room(void **state)
{
    (void)state;
    struct queue *queue = queue_new(sizeof(int), 2);
    int value = 0;
    assert_true(queue_wait_for_room(queue, 2, 0));
    queue_push(queue, &value);
    assert_true(queue_wait_for_room(queue, 1, 0));
    assert_false(queue_wait_for_room(queue, 2, 1));
    assert_false(queue_wait_for_room(queue, 1000, 1));
    queue_pop(queue, &value);
    assert_true(queue_wait_for_room(queue, 1000, LONG_MS)); /* as much as there can be */
    queue_free(queue);
}

static void wakes_a_reader_for_nothing(void **state)
{
    (void)state;
    struct queue *queue = queue_new(sizeof(int), 2);
    queue_wake(queue);
    queue_wait(queue, LONG_MS); /* would run into the test's time limit */
    queue_free(queue);
}

enum { MESSAGES = 50000 };

static void *send_all(void *context)
{
    struct queue *queue = context;
    for (int i = 0; i < MESSAGES; i++) {
        while (!queue_push(queue, &i)) {
            queue_wake(queue);
            queue_wait_for_room(queue, 1, LONG_MS);
        }
        if (i % 7 == 0)
            queue_wake(queue);
    }
    queue_end(queue);
    return NULL;
}

static void passes_everything_between_two_threads(void **state)
{
    (void)state;
    struct queue *queue = queue_new(sizeof(int), 16);
    pthread_t writer;
    assert_int_equal(thread_start(&writer, "writer", send_all, queue, NULL), TUTTI_OK);
    int expected = 0;
    while (!queue_done(queue)) {
        int value;
        queue_wait(queue, LONG_MS);
        while (queue_pop(queue, &value))
            assert_int_equal(value, expected++);
    }
    pthread_join(writer, NULL);
    assert_int_equal(expected, MESSAGES);
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_a_ring_refuses),
        cmocka_unit_test(keeps_order_and_refuses_when_full),
        cmocka_unit_test(calls_a_reader_that_does_not_sleep),
        cmocka_unit_test(is_done_only_when_ended_and_read),
        cmocka_unit_test(waits_for_room),
        cmocka_unit_test(wakes_a_reader_for_nothing),
        cmocka_unit_test(passes_everything_between_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
