#include "daemon/recognizer_pool.h"

#include "daemon/hop_stretch.h"
#include "daemon/inference.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOK_NS ((uint64_t)(HOP_STRETCH_LOOK_S * 1e9))

static struct model *model; /* columns of 10 ms, window of 23, 3 labels */

static int open_model(void **state)
{
    (void)state;
    model = tiny_model_open();
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

static struct recognizer_pool_config config_for(unsigned threads, unsigned sources)
{
    return (struct recognizer_pool_config){
        .model = model, .hop_s = 0.25, .threads = threads, .sources = sources};
}

static void expect_refusal(struct recognizer_pool_config config, const char *sentence)
{
    struct tutti_error error = {.text = ""};
    assert_null(recognizer_pool_new(&config, &error));
    assert_null(recognizer_pool_new(&config, NULL));
    if (strstr(error.text, sentence) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, sentence);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    struct recognizer_pool_config config = config_for(1, 0);
    expect_refusal(config, "there are 0 sources; there may be 1 to 256");
    config = config_for(1, MAX_SOURCES + 1);
    expect_refusal(config, "there are 257 sources");
    config = config_for(1, 1);
    config.kernel = "abacus";
    expect_refusal(config, "abacus");
    config.kernel = NULL;
    const double hops[] = {0.0, -1.0, 61.0, NAN, INFINITY};
    for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
        config.hop_s = hops[i];
        expect_refusal(config, "the hop is ");
    }
    recognizer_pool_free(NULL);
    recognizer_pool_leave(NULL);
}

static void has_no_more_threads_than_sources(void **state)
{
    (void)state;
    const struct {
        unsigned threads, sources, made;
    } cases[] = {{1, 1, 1}, {4, 1, 1}, {4, 3, 3}, {2, 256, 2}, {0, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct recognizer_pool_config config = config_for(cases[i].threads, cases[i].sources);
        struct recognizer_pool *pool = recognizer_pool_new(&config, NULL);
        assert_int_equal(recognizer_pool_threads(pool), cases[i].made);
        assert_ptr_equal(recognizer_pool_model(pool), model);
        assert_int_equal(recognizer_pool_hop_columns(pool), 25);
        assert_true(fabs(recognizer_pool_hop_s(pool) - 0.25) < 1e-9);
        recognizer_pool_free(pool);
    }
}

/* What a share runs is the network that was put in; all give what the model's own gives. */
static void networks_of_all_threads_hear_the_same(void **state)
{
    (void)state;
    const struct recognizer_pool_config config = config_for(3, 3);
    struct recognizer_pool *pool = recognizer_pool_new(&config, NULL);
    struct inference own;
    assert_int_equal(inference_open_int8(model, NULL, &own, NULL), TUTTI_OK);
    struct inference_share share;
    struct inference shared;
    inference_open_share(&share, recognizer_pool_network(pool, 0), &shared);
    assert_string_equal(shared.kernel, own.kernel);
    assert_int_equal(shared.steps, own.steps);
    const struct model_frontend *frontend = model_frontend(model);
    const size_t values = frontend->columns * frontend->mel_bands;
    float *columns = calloc(values, sizeof *columns);
    for (size_t i = 0; i < values; i++)
        columns[i] = (float)((i * 7919) % 100) / 50.0f - 1.0f;
    float expected[MODEL_LABELS_MAX];
    own.run(own.network, columns, 0, expected);
    for (unsigned thread = 0; thread < 3; thread++) {
        float heard[MODEL_LABELS_MAX];
        share.network = recognizer_pool_network(pool, thread);
        if (thread == 1) /* from here on what one network computed is used by the next */
            assert_true(shared.follow(shared.network, 1));
        shared.run(shared.network, columns, 5, heard);
        assert_memory_equal(heard, expected, model_label_count(model) * sizeof *heard);
        for (unsigned other = 0; other < thread; other++)
            assert_ptr_not_equal(recognizer_pool_network(pool, other), share.network);
    }
    shared.free(shared.network); /* is not his */
    own.free(own.network);
    free(columns);
    recognizer_pool_free(pool);
}

static enum fair_pool_next no_turn(void *context, unsigned thread)
{
    (void)context;
    (void)thread;
    return FAIR_POOL_OVER;
}

static unsigned look(struct recognizer_pool *pool, uint64_t *now_ns, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        recognizer_pool_look_at(pool, *now_ns += LOOK_NS);
    return recognizer_pool_stretch(pool);
}

/* One source that is late is enough, however many are not; with time to spare the hop is the old
 * one again. */
static void stretches_for_all_when_one_is_late(void **state)
{
    (void)state;
    const struct recognizer_pool_config config = config_for(2, 3);
    struct recognizer_pool *pool = recognizer_pool_new(&config, NULL);
    struct recognizer_seat *seat[3];
    for (unsigned i = 0; i < 3; i++) {
        seat[i] = recognizer_pool_enter(pool, no_turn, NULL);
        assert_int_equal(seat[i]->number, i);
    }
    assert_null(recognizer_pool_enter(pool, no_turn, NULL));
    uint64_t now_ns = 1;
    atomic_store(&seat[1]->waiting, 75); /* a hop, and half a second: not yet late */
    assert_int_equal(look(pool, &now_ns, 100), 1);
    for (size_t waiting = 300; waiting > 75; waiting--) { /* late, but it is being worked off */
        atomic_store(&seat[1]->waiting, waiting);
        assert_int_equal(look(pool, &now_ns, 1), 1);
    }
    atomic_store(&seat[1]->waiting, 75);
    look(pool, &now_ns, 1);
    atomic_store(&seat[1]->waiting, 76);
    assert_int_equal(look(pool, &now_ns, 1), 1);
    assert_int_equal(look(pool, &now_ns, 1), 2);
    assert_true(fabs(recognizer_pool_longest_hop_s(pool) - 0.5) < 1e-9);
    atomic_store(&seat[1]->waiting, 0);
    assert_int_equal(look(pool, &now_ns, HOP_STRETCH_SETTLE_LOOKS + HOP_STRETCH_CALM_LOOKS), 1);
    /* What was begun with the longer hop may still be going on. */
    assert_true(fabs(recognizer_pool_longest_hop_s(pool) - 0.5) < 1e-9);

    /* A result that was left out counts as late, once. */
    look(pool, &now_ns, HOP_STRETCH_SETTLE_LOOKS);
    recognizer_pool_note_skip(pool);
    assert_int_equal(look(pool, &now_ns, 10), 1);
    recognizer_pool_note_skip(pool);
    assert_int_equal(look(pool, &now_ns, 1), 1);
    recognizer_pool_note_skip(pool);
    assert_int_equal(look(pool, &now_ns, 1), 2);

    /* A source that leaves is late no more, and its place is free. */
    look(pool, &now_ns, HOP_STRETCH_SETTLE_LOOKS);
    atomic_store(&seat[1]->waiting, 500);
    recognizer_pool_leave(seat[1]);
    assert_int_equal(look(pool, &now_ns, 10), 2);
    assert_ptr_equal(recognizer_pool_enter(pool, no_turn, NULL), seat[1]);
    for (unsigned i = 0; i < 3; i++)
        recognizer_pool_leave(seat[i]);
    recognizer_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(has_no_more_threads_than_sources),
        cmocka_unit_test(networks_of_all_threads_hear_the_same),
        cmocka_unit_test(stretches_for_all_when_one_is_late),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
