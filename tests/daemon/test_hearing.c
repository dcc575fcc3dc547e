#include "daemon/hearing.h"

#include "daemon/recognition.h"
#include "tests/support/tiny_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tiny model has a window of 23 columns of 10 ms with 18 bands. */
enum { WINDOW = 23, BANDS = 18, COLUMNS = 300, PIECES_MAX = COLUMNS };

static struct model *model;
static struct column sound[COLUMNS];

/* Noise, with a silence that is longer than a window and one that is shorter. */
static int set_up(void **state)
{
    (void)state;
    model = tiny_model_open();
    uint32_t random = 1;
    for (size_t i = 0; i < COLUMNS; i++) {
        bool silent = (i >= 100 && i < 140) || (i >= 200 && i < 215);
        sound[i] = (struct column){
            .index = i, .end_frame = 320 * (i + 1), .level_dbfs = silent ? -100.0f : -20.0f};
        for (size_t b = 0; b < BANDS; b++) {
            random = random * 1664525u + 1013904223u;
            sound[i].bands[b] = silent ? -1.4f : (float)(random >> 8) / 4194304.0f - 2.0f;
        }
    }
    return model != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

static enum tutti_status open_int8(void *context, struct inference *inference,
                                   struct tutti_error *error)
{
    unsigned *opened = context;
    (*opened)++;
    return inference_open_int8(model, NULL, inference, error);
}

/* The pieces of the sound, of so many hops each. */
static size_t cut(size_t hop_columns, size_t hops, struct hearing_piece **piece)
{
    size_t count = 0;
    size_t before = WINDOW - hop_columns;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i % (hops * hop_columns) == 0) {
            piece[count] = hearing_piece_new(before + hops * hop_columns, BANDS);
            assert_non_null(piece[count]);
            piece[count]->hop_s = 0.01 * (double)hop_columns;
            if (count > 0)
                hearing_piece_continue(piece[count], piece[count - 1], before);
            count++;
        }
        hearing_piece_add(piece[count - 1], &sound[i]);
    }
    return count;
}

static void expect_same(const struct result *result, const struct result *expected)
{
    assert_int_equal(result->end_frame, expected->end_frame);
    assert_int_equal(result->afresh, expected->afresh);
    assert_int_equal(result->located, expected->located);
    size_t size = model_label_count(model) * sizeof *result->probability;
    assert_memory_equal(result->probability, expected->probability, size);
    if (expected->located != 0)
        assert_memory_equal(result->exit_s, expected->exit_s, size);
}

/* Holds what the pieces' results are against a recognition that heard everything. */
static void expect_the_sound(size_t hop_columns, struct hearing_piece *const *piece, size_t count)
{
    static struct result expected;
    struct inference inference;
    assert_int_equal(inference_open_int8(model, NULL, &inference, NULL), TUTTI_OK);
    struct recognition *whole =
        recognition_new(model, 0.01 * (double)hop_columns, &inference, NULL);
    size_t number = 0; /* of the piece */
    size_t hop = 0;    /* in it */
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!recognition_take(whole, &sound[i], &expected))
            continue;
        if (hop == piece[number]->hops) {
            number++;
            hop = 0;
        }
        assert_true(number < count);
        expect_same(&piece[number]->result[hop++], &expected);
    }
    assert_int_equal(hop, piece[number]->hops);
    recognition_free(whole);
}

/* Wherever it is cut, by one hearing, and backwards. */
static void hears_pieces_as_the_whole(void **state)
{
    (void)state;
    static const size_t hops_columns[] = {1, 5, 7, 22, WINDOW};
    static const size_t hops[] = {1, 2, 3, 10, 1000};
    static struct hearing_piece *piece[PIECES_MAX];
    unsigned opened = 0;
    struct hearing *hearing = hearing_new(model, open_int8, &opened);
    for (size_t k = 0; k < sizeof hops_columns / sizeof *hops_columns; k++) {
        for (size_t h = 0; h < sizeof hops / sizeof *hops; h++) {
            size_t count = cut(hops_columns[k], hops[h], piece);
            for (size_t i = count; i-- > 0;) {
                hearing_hear(hearing, piece[i]);
                assert_int_equal(piece[i]->error.status, TUTTI_OK);
                assert_null(piece[i]->band); /* memory that is not needed any more */
            }
            expect_the_sound(hops_columns[k], piece, count);
            for (size_t i = 0; i < count; i++)
                hearing_piece_free(piece[i]);
        }
        assert_int_equal(opened, k + 1);
    }
    hearing_free(hearing);
}

static enum tutti_status open_nothing(void *context, struct inference *inference,
                                      struct tutti_error *error)
{
    (void)context;
    (void)inference;
    return tutti_error_set(error, TUTTI_ERROR_MEMORY, "there is no network");
}

static void tells_what_failed(void **state)
{
    (void)state;
    static struct hearing_piece *piece[PIECES_MAX];
    unsigned opened = 0;
    struct hearing *hearing = hearing_new(model, open_nothing, NULL);
    assert_int_equal(cut(5, 1000, piece), 1);
    hearing_hear(hearing, piece[0]);
    assert_int_equal(piece[0]->error.status, TUTTI_ERROR_MEMORY);
    assert_string_equal(piece[0]->error.text, "there is no network");
    assert_int_equal(piece[0]->hops, 0);
    hearing_piece_free(piece[0]);
    hearing_free(hearing);

    hearing = hearing_new(model, open_int8, &opened);
    assert_int_equal(cut(5, 1000, piece), 1);
    piece[0]->hop_s = 1000;
    hearing_hear(hearing, piece[0]);
    assert_int_equal(piece[0]->error.status, TUTTI_ERROR_ARGUMENT);
    hearing_piece_free(piece[0]);
    hearing_free(hearing);

    hearing_piece_free(NULL);
    hearing_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_pieces_as_the_whole),
        cmocka_unit_test(tells_what_failed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
