#include "daemon/batch.h"

#include "tests/support/pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ITEMS_MAX = 1000 };

struct item {
    size_t index;
    size_t read;
    size_t taken;
    atomic_bool reading;
    atomic_bool taking;
};

struct piece {
    size_t number;
    size_t square; /* as the work leaves it */
};

struct tally {
    size_t pieces[ITEMS_MAX]; /* of each item */
    size_t missing;           /* an item that begin() has nothing for */
    size_t slow;              /* an item whose first piece takes its time */
    bool meet;                /* the first piece waits until another one is worked at */
    size_t finished;
    size_t pieces_finished;
    size_t ticks;
    unsigned jobs;
    atomic_size_t begun;
    atomic_size_t waiting; /* pieces that are read and not taken */
    atomic_size_t furthest_items;
    atomic_size_t furthest_pieces;
    atomic_size_t pieces_worked;
    atomic_uint worked[BATCH_MAX_JOBS]; /* pieces by each thread */
    atomic_bool busy[BATCH_MAX_JOBS];
};

static void raise_to(atomic_size_t *highest, size_t value)
{
    size_t before = atomic_load(highest);
    while (before < value && !atomic_compare_exchange_weak(highest, &before, value))
        ;
}

static void *begin(void *context, size_t index)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->begun, 1);
    if (index == tally->missing)
        return NULL;
    struct item *item = calloc(1, sizeof *item);
    item->index = index;
    return item;
}

static void *read_piece(void *context, void *place)
{
    struct tally *tally = context;
    struct item *item = place;
    struct piece *piece = NULL;
    assert_false(atomic_exchange(&item->reading, true));
    if (item->read < tally->pieces[item->index]) {
        piece = malloc(sizeof *piece);
        *piece = (struct piece){.number = item->read++};
        raise_to(&tally->furthest_pieces, atomic_fetch_add(&tally->waiting, 1) + 1);
    }
    atomic_store(&item->reading, false);
    return piece;
}

static void work(void *context, unsigned worker, void *place, void *what)
{
    struct tally *tally = context;
    const struct item *item = place;
    struct piece *piece = what;
    assert_true(worker < tally->jobs);
    assert_false(atomic_exchange(&tally->busy[worker], true));
    if (item->index == tally->slow && piece->number == 0)
        pause_ms(250);
    for (unsigned waited = 0; tally->meet && piece->number == 0 && waited < 60000; waited++) {
        if (atomic_load(&tally->pieces_worked) > 0)
            break;
        pause_ms(1);
    }
    atomic_fetch_add(&tally->pieces_worked, 1);
    piece->square = piece->number * piece->number;
    atomic_fetch_add(&tally->worked[worker], 1);
    atomic_store(&tally->busy[worker], false);
}

static void take(void *context, void *place, void *what)
{
    struct tally *tally = context;
    struct item *item = place;
    struct piece *piece = what;
    assert_false(atomic_exchange(&item->taking, true));
    assert_int_equal(piece->number, item->taken++);
    assert_int_equal(piece->square, piece->number * piece->number);
    free(piece);
    atomic_fetch_sub(&tally->waiting, 1);
    atomic_store(&item->taking, false);
}

static void finish(void *context, size_t index, void *place)
{
    struct tally *tally = context;
    struct item *item = place;
    raise_to(&tally->furthest_items, atomic_load(&tally->begun) - tally->finished);
    assert_int_equal(index, tally->finished++);
    assert_true((item == NULL) == (index == tally->missing));
    if (item == NULL)
        return;
    assert_int_equal(item->index, index);
    assert_int_equal(item->taken, tally->pieces[index]);
    tally->pieces_finished += item->taken;
    free(item);
}

static void tick(void *context)
{
    struct tally *tally = context;
    tally->ticks++;
}

static const struct batch_work callbacks = {
    .begin = begin, .read = read_piece, .work = work, .take = take, .finish = finish, .tick = tick};

static enum tutti_status run(struct tally *tally, size_t count, unsigned jobs)
{
    struct batch_work all = callbacks;
    struct tutti_error error;
    all.context = tally;
    tally->jobs = jobs;
    return batch_run(&all, count, jobs, &error);
}

static void refuses_wrong_numbers_of_jobs(void **state)
{
    (void)state;
    static struct tally tally = {.missing = SIZE_MAX, .slow = SIZE_MAX};
    assert_int_equal(run(&tally, 3, 0), TUTTI_ERROR_ARGUMENT);
    assert_int_equal(run(&tally, 3, BATCH_MAX_JOBS + 1), TUTTI_ERROR_ARGUMENT);
    assert_int_equal(tally.begun, 0);
}

/* Items without pieces, with one, with many; and one that does not begin. */
static void takes_everything_in_order(void **state)
{
    (void)state;
    static const unsigned jobs[] = {1, 2, 7, BATCH_MAX_JOBS};
    static const size_t counts[] = {0, 1, 2, ITEMS_MAX};
    static struct tally tally;
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            tally = (struct tally){.missing = counts[c] / 2 + 1, .slow = SIZE_MAX};
            size_t pieces = 0;
            for (size_t i = 0; i < counts[c]; i++) {
                tally.pieces[i] = i % 50 == 0 ? 100 : i % 4;
                pieces += i == tally.missing ? 0 : tally.pieces[i];
            }
            assert_int_equal(run(&tally, counts[c], jobs[j]), TUTTI_OK);
            assert_int_equal(tally.finished, counts[c]);
            assert_int_equal(tally.pieces_finished, pieces);
        }
    }
}

static void does_not_run_far_ahead_of_a_slow_item(void **state)
{
    (void)state;
    static struct tally tally = {.missing = SIZE_MAX, .slow = 0};
    for (size_t i = 0; i < 500; i++)
        tally.pieces[i] = 1;
    assert_int_equal(run(&tally, 500, 3), TUTTI_OK);
    assert_int_equal(tally.finished, 500);
    assert_true(tally.furthest_items <= 3 * 4);
    assert_true(tally.ticks > 0);
}

static void keeps_to_a_limit_of_items(void **state)
{
    (void)state;
    static struct tally tally;
    for (size_t items_max = 1; items_max <= 2; items_max++) {
        struct batch_work limited = callbacks;
        tally = (struct tally){.missing = SIZE_MAX, .slow = 0, .jobs = 3};
        for (size_t i = 0; i < 100; i++)
            tally.pieces[i] = (i + 1) % 3;
        limited.context = &tally;
        limited.items_max = items_max;
        assert_int_equal(batch_run(&limited, 100, 3, NULL), TUTTI_OK);
        assert_int_equal(tally.finished, 100);
        assert_true(tally.furthest_items <= items_max);
    }
}

/* However many pieces an item has, few wait for the one that is slow. */
static void does_not_run_far_ahead_of_a_slow_piece(void **state)
{
    (void)state;
    static struct tally tally = {.missing = SIZE_MAX, .slow = 0};
    tally.pieces[0] = 10000;
    assert_int_equal(run(&tally, 1, 3), TUTTI_OK);
    assert_int_equal(tally.pieces_finished, 10000);
    assert_true(tally.furthest_pieces <= 2 * 3 + 1);
}

/* While one thread is at the first piece, the others do the rest of the same item. */
static void works_at_one_item_in_several_threads(void **state)
{
    (void)state;
    static struct tally tally = {.missing = SIZE_MAX, .slow = SIZE_MAX, .meet = true};
    tally.pieces[0] = 100;
    assert_int_equal(run(&tally, 1, 2), TUTTI_OK);
    assert_true(tally.worked[0] > 0 && tally.worked[1] > 0);
    assert_int_equal(tally.worked[0] + tally.worked[1], 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_wrong_numbers_of_jobs),
        cmocka_unit_test(takes_everything_in_order),
        cmocka_unit_test(does_not_run_far_ahead_of_a_slow_item),
        cmocka_unit_test(keeps_to_a_limit_of_items),
        cmocka_unit_test(does_not_run_far_ahead_of_a_slow_piece),
        cmocka_unit_test(works_at_one_item_in_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
