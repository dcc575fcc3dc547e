#include "dsp/ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 8, PAYLOAD = 31, TRANSFERS = 200000 };

struct message {
    uint64_t number;
    uint64_t payload[PAYLOAD]; /* all made of the number: a torn message shows */
};

static void fill(struct message *message, uint64_t number)
{
    message->number = number;
    for (uint64_t i = 0; i < PAYLOAD; i++)
        message->payload[i] = number * 0x9e3779b97f4a7c15u + i;
}

static bool whole(const struct message *message)
{
    struct message expected;
    fill(&expected, message->number);
    return memcmp(message, &expected, sizeof expected) == 0;
}

static void refuses_wrong_arguments(void **state)
{
    (void)state;
    assert_null(ring_new(0, 8));
    assert_null(ring_new(RING_MAX_ELEMENT_SIZE + 1, 1));
    assert_null(ring_new(4, 0));
    assert_null(ring_new(4, 3));
    assert_null(ring_new(4, 12));
    assert_null(ring_new(4, RING_MAX_CAPACITY * 2));
    assert_null(ring_new(SIZE_MAX, 2));
    assert_null(ring_new(4, SIZE_MAX));
    ring_free(NULL);
}

static void is_empty_at_first(void **state)
{
    (void)state;
    struct ring *ring = ring_new(sizeof(int), CAPACITY);
    int untouched = 7;
    assert_non_null(ring);
    assert_int_equal(ring_capacity(ring), CAPACITY);
    assert_int_equal(ring_count(ring), 0);
    assert_int_equal(ring_overruns(ring), 0);
    assert_false(ring_pop(ring, &untouched));
    assert_int_equal(untouched, 7);
    assert_null(ring_read_begin(ring));
    ring_free(ring);
}

static void refuses_and_counts_when_full(void **state)
{
    (void)state;
    struct ring *ring = ring_new(sizeof(int), CAPACITY);
    for (int i = 0; i < CAPACITY; i++)
        assert_true(ring_push(ring, &i));
    assert_int_equal(ring_count(ring), CAPACITY);
    int refused = 99;
    assert_false(ring_push(ring, &refused));
    assert_null(ring_write_begin(ring));
    assert_int_equal(ring_overruns(ring), 2);
    /* The refused ones have overwritten nothing, and one read makes room for one. */
    int out;
    assert_true(ring_pop(ring, &out));
    assert_int_equal(out, 0);
    assert_true(ring_push(ring, &(int){CAPACITY}));
    assert_false(ring_push(ring, &refused));
    assert_int_equal(ring_overruns(ring), 3);
    for (int i = 1; i <= CAPACITY; i++) {
        assert_true(ring_pop(ring, &out));
        assert_int_equal(out, i);
    }
    assert_false(ring_pop(ring, &out));
    ring_free(ring);
}

static void wraps_around_at_every_fill(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 16; capacity *= 2) {
        struct ring *ring = ring_new(sizeof(struct message), capacity);
        uint64_t in = 0, out = 0;
        struct message message;
        for (int round = 0; round < 100; round++) {
            size_t amount = (size_t)round % (capacity + 1);
            for (size_t i = 0; i < amount; i++) {
                fill(&message, in++);
                assert_true(ring_push(ring, &message));
                assert_int_equal(ring_count(ring), i + 1);
            }
            for (size_t i = 0; i < amount; i++) {
                assert_true(ring_pop(ring, &message));
                assert_true(message.number == out++ && whole(&message));
            }
            assert_int_equal(ring_count(ring), 0);
        }
        assert_int_equal(ring_overruns(ring), 0);
        ring_free(ring);
    }
}

static void slots_are_aligned_and_apart(void **state)
{
    (void)state;
    size_t sizes[] = {1, 3, 8, 17, 1032};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct ring *ring = ring_new(sizes[s], 4);
        for (int i = 0; i < 4; i++) {
            void *slot = ring_write_begin(ring);
            assert_int_equal((uintptr_t)slot % alignof(max_align_t), 0);
            memset(slot, i + 1, sizes[s]);
            ring_write_end(ring);
        }
        for (int i = 0; i < 4; i++) {
            const unsigned char *slot = ring_read_begin(ring);
            for (size_t b = 0; b < sizes[s]; b++)
                assert_int_equal(slot[b], i + 1);
            ring_read_end(ring);
        }
        ring_free(ring);
    }
}

static void slot_is_handed_over_only_at_the_end(void **state)
{
    (void)state;
    struct ring *ring = ring_new(sizeof(int), 2);
    int *slot = ring_write_begin(ring);
    assert_ptr_equal(ring_write_begin(ring), slot);
    assert_null(ring_read_begin(ring));
    *slot = 5;
    ring_write_end(ring);
    const int *seen = ring_read_begin(ring);
    assert_ptr_equal(ring_read_begin(ring), seen);
    assert_int_equal(*seen, 5);
    assert_int_equal(ring_count(ring), 1);
    ring_read_end(ring);
    assert_int_equal(ring_count(ring), 0);
    ring_free(ring);
}

/* cmocka's assertions belong to the main thread: the others report through this. */
struct exchange {
    struct ring *ring;
    bool writer_waits_for_room;
    atomic_bool writer_done;
    uint64_t accepted;
    atomic_ulong bad_counts;
};

static void *write_messages(void *context)
{
    struct exchange *exchange = context;
    for (uint64_t number = 0; number < TRANSFERS; number++) {
        struct message *slot = ring_write_begin(exchange->ring);
        while (slot == NULL && exchange->writer_waits_for_room) {
            sched_yield();
            slot = ring_write_begin(exchange->ring);
        }
        if (slot == NULL)
            continue;
        fill(slot, number);
        ring_write_end(exchange->ring);
        exchange->accepted++;
    }
    atomic_store(&exchange->writer_done, true);
    return NULL;
}

static void *watch_counts(void *context)
{
    struct exchange *exchange = context;
    uint64_t before = 0;
    while (!atomic_load(&exchange->writer_done)) {
        uint64_t overruns = ring_overruns(exchange->ring);
        if (ring_count(exchange->ring) > CAPACITY || overruns < before)
            atomic_fetch_add(&exchange->bad_counts, 1);
        before = overruns;
        sched_yield();
    }
    return NULL;
}

/* Reads everything; returns how many messages came, all whole and in order. */
static uint64_t read_messages(struct exchange *exchange, uint64_t *missing)
{
    uint64_t received = 0, next = 0;
    *missing = 0;
    for (;;) {
        bool done = atomic_load(&exchange->writer_done);
        const struct message *message = ring_read_begin(exchange->ring);
        if (message == NULL && done)
            break;
        if (message == NULL) {
            sched_yield();
            continue;
        }
        assert_true(whole(message));
        assert_true(message->number >= next);
        *missing += message->number - next;
        next = message->number + 1;
        ring_read_end(exchange->ring);
        received++;
    }
    *missing += TRANSFERS - next;
    return received;
}

static void two_threads_lose_nothing_while_there_is_room(void **state)
{
    (void)state;
    struct exchange exchange = {.ring = ring_new(sizeof(struct message), CAPACITY),
                                .writer_waits_for_room = true};
    pthread_t writer, watcher;
    assert_int_equal(pthread_create(&writer, NULL, write_messages, &exchange), 0);
    assert_int_equal(pthread_create(&watcher, NULL, watch_counts, &exchange), 0);
    uint64_t missing;
    uint64_t received = read_messages(&exchange, &missing);
    pthread_join(writer, NULL);
    pthread_join(watcher, NULL);
    assert_int_equal(received, TRANSFERS);
    assert_int_equal(missing, 0);
    assert_int_equal(exchange.bad_counts, 0);
    ring_free(exchange.ring);
}

static void two_threads_account_for_every_loss(void **state)
{
    (void)state;
    struct exchange exchange = {.ring = ring_new(sizeof(struct message), CAPACITY)};
    pthread_t writer, watcher;
    assert_int_equal(pthread_create(&writer, NULL, write_messages, &exchange), 0);
    assert_int_equal(pthread_create(&watcher, NULL, watch_counts, &exchange), 0);
    while (ring_overruns(exchange.ring) == 0)
        sched_yield(); /* now losses are certain */
    uint64_t missing;
    uint64_t received = read_messages(&exchange, &missing);
    pthread_join(writer, NULL);
    pthread_join(watcher, NULL);
    assert_true(received >= CAPACITY && received < TRANSFERS);
    assert_int_equal(received, exchange.accepted);
    assert_int_equal(missing, ring_overruns(exchange.ring));
    assert_int_equal(received + missing, TRANSFERS);
    assert_int_equal(exchange.bad_counts, 0);
    ring_free(exchange.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_arguments),
        cmocka_unit_test(is_empty_at_first),
        cmocka_unit_test(refuses_and_counts_when_full),
        cmocka_unit_test(wraps_around_at_every_fill),
        cmocka_unit_test(slots_are_aligned_and_apart),
        cmocka_unit_test(slot_is_handed_over_only_at_the_end),
        cmocka_unit_test(two_threads_lose_nothing_while_there_is_room),
        cmocka_unit_test(two_threads_account_for_every_loss),
    };
    return cmocka_run_group_tests_name("dsp/ring", tests, NULL, NULL);
}
