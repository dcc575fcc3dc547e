#include "daemon/recognition.h"

#include "daemon/feature_stream.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WINDOW_COLUMNS = 23, BANDS = 18 }; /* of the tiny model, whose columns are 10 ms apart */

static struct model *model;

static int open_model(void **state)
{
    (void)state;
    model = tiny_model_open();
    return model_frontend(model)->columns == WINDOW_COLUMNS &&
                   model_frontend(model)->mel_bands == BANDS
               ? 0
               : -1;
}

static int close_model(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

/* A network that remembers what it was shown and answers with how often it was asked. */
struct spy {
    unsigned runs;
    unsigned frees;
    unsigned forgets;
    size_t hop_columns; /* by which windows will move */
    bool short_of_memory;
    uint64_t position;
    float window[WINDOW_COLUMNS][BANDS];
};

static void spy_run(void *network, const float *columns, uint64_t position, float *probabilities)
{
    struct spy *spy = network;
    spy->runs++;
    spy->position = position;
    memcpy(spy->window, columns, sizeof spy->window);
    for (size_t i = 0; i < model_label_count(model); i++)
        probabilities[i] = (float)spy->runs / 100.0f;
}

enum { SPY_STEPS = 3 };

/* Every label leaves between the second step and the third. */
static void spy_steps(const void *network, float *probabilities)
{
    (void)network;
    for (size_t i = 0; i < SPY_STEPS * model_label_count(model); i++)
        probabilities[i] = i < 2 * model_label_count(model) ? 0.8f : 0.0f;
}

static bool spy_follow(void *network, size_t hop_columns)
{
    struct spy *spy = network;
    spy->hop_columns = hop_columns;
    return !spy->short_of_memory;
}

static void spy_forget(void *network)
{
    ((struct spy *)network)->forgets++;
}

static void spy_free(void *network)
{
    ((struct spy *)network)->frees++;
}

static struct recognition *new_recognition(struct spy *spy, double hop_s, struct tutti_error *error)
{
    struct inference inference = {
        .network = spy, .run = spy_run, .free = spy_free, .kernel = "spy"};
    return recognition_new(model, hop_s, &inference, error);
}

/* A column whose every band holds `value`. */
static struct column column(uint64_t index, float value)
{
    struct column made = {.index = index,
                          .end_frame = 1000 + index * 480,
                          .captured_ns = 5000 + index,
                          .level_dbfs = -20.0f - 0.1f * (float)index,
                          .peak_dbfs = -3.0f};
    for (size_t i = 0; i < BANDS; i++)
        made.bands[i] = value;
    return made;
}

static void refuses_a_hop_out_of_range(void **state)
{
    (void)state;
    const double hops[] = {0.0, -1.0, 0.009, 60.1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        struct spy spy = {0};
        struct tutti_error error = {.text = ""};
        assert_null(new_recognition(&spy, hops[i], &error));
        assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, "hop"));
        assert_int_equal(spy.frees, 1);
        assert_null(new_recognition(&spy, hops[i], NULL));
    }
    recognition_free(NULL);
}

static void rounds_the_hop_to_columns(void **state)
{
    (void)state;
    const struct {
        double hop_s;
        size_t columns;
    } cases[] = {{0.01, 1}, {0.014, 1}, {0.016, 2}, {0.25, 25}, {1.0, 100}, {60.0, 6000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct spy spy = {0};
        struct recognition *recognition = new_recognition(&spy, cases[i].hop_s, NULL);
        assert_int_equal(recognition_hop_columns(recognition), cases[i].columns);
        assert_true(fabs(recognition_hop_s(recognition) - 0.01 * (double)cases[i].columns) < 1e-12);
        assert_true(fabs(recognition_window_s(recognition) - 0.23) < 1e-12);
        assert_string_equal(recognition_kernel(recognition), "spy");
        recognition_free(recognition);
        assert_int_equal(spy.frees, 1);
    }
}

/* Columns that fit neither end of the range: what is rounded stays inside. */
static void rounds_no_hop_out_of_the_range(void **state)
{
    (void)state;
    struct model *coarse = tiny_model_open_changed("hop_frames\\\":320", "hop_frames\\\":288");
    const double column_s = 288 / 32000.0;
    size_t columns;
    assert_int_equal(recognition_round_hop(coarse, 0.01, &columns, NULL), TUTTI_OK);
    assert_int_equal(columns, 2); /* 9 ms would be too few */
    assert_int_equal(recognition_round_hop(coarse, 60.0, &columns, NULL), TUTTI_OK);
    assert_int_equal(columns, 6666);
    assert_true((double)columns * column_s <= 60);
    assert_int_equal(recognition_round_hop(coarse, 0.25, &columns, NULL), TUTTI_OK);
    assert_int_equal(columns, 28);
    model_close(coarse);
}

static struct recognition *new_following(struct spy *spy, double hop_s, struct tutti_error *error)
{
    struct inference inference = {.network = spy,
                                  .run = spy_run,
                                  .follow = spy_follow,
                                  .forget = spy_forget,
                                  .free = spy_free,
                                  .kernel = "spy"};
    return recognition_new(model, hop_s, &inference, error);
}

static void tells_the_network_where_windows_lie(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_following(&spy, 0.05, NULL);
    struct result result;
    assert_int_equal(spy.hop_columns, 5);
    for (uint64_t k = 0; k < 20; k++) {
        const struct column next = column(k, 0.0f);
        if (recognition_take(recognition, &next, &result))
            assert_int_equal(spy.position, k + 1);
    }
    assert_int_equal(spy.forgets, 0);
    const struct column skipped = column(20, 0.0f), missing = column(30, 0.0f);
    recognition_skip(recognition, &skipped);
    assert_int_equal(spy.forgets, 0);
    recognition_skip(recognition, &missing);
    assert_int_equal(spy.forgets, 1);
    const struct column again = column(0, 0.0f);
    recognition_skip(recognition, &again);
    assert_int_equal(spy.forgets, 2);
    recognition_free(recognition);
}

static void refuses_when_the_network_is_short_of_memory(void **state)
{
    (void)state;
    struct spy spy = {.short_of_memory = true};
    struct tutti_error error;
    assert_null(new_following(&spy, 0.05, &error));
    assert_int_equal(error.status, TUTTI_ERROR_MEMORY);
    assert_int_equal(spy.frees, 1);
}

static void gives_a_result_once_a_hop(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.05, NULL);
    struct result result;
    for (uint64_t k = 0; k < 100; k++) {
        const struct column next = column(k, 0.0f);
        const bool complete = k % 5 == 4;
        assert_int_equal(recognition_hop_complete(&next, 5), complete);
        assert_int_equal(recognition_take(recognition, &next, &result), complete);
        if (!complete)
            continue;
        assert_int_equal(spy.runs, (k + 1) / 5);
        assert_int_equal(result.end_frame, next.end_frame);
        assert_int_equal(result.captured_ns, next.captured_ns);
        assert_true(result.level_dbfs == next.level_dbfs && result.peak_dbfs == next.peak_dbfs);
        assert_true(result.probability[0] == (float)spy.runs / 100.0f);
        assert_int_equal(result.lost_frames, 0);
        assert_int_equal(result.clipped, 0);
        assert_int_equal(result.afresh, k == 4);
    }
    recognition_free(recognition);
}

static void shows_silence_where_nothing_was_heard(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    const struct frontend_config config = feature_stream_frontend(model);
    const float silence = frontend_config_silence(&config);
    for (uint64_t k = 0; k < 10; k++) {
        const struct column next = column(k, (float)k + 1.0f);
        recognition_take(recognition, &next, &result);
    }
    assert_int_equal(spy.runs, 1);
    for (size_t k = 0; k < WINDOW_COLUMNS; k++) {
        const size_t unheard = WINDOW_COLUMNS - 10;
        const float expected = k < unheard ? silence : (float)(k - unheard) + 1.0f;
        for (size_t i = 0; i < BANDS; i++)
            assert_true(spy.window[k][i] == expected);
    }
    recognition_free(recognition);
}

static void shows_the_newest_window(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    for (uint64_t k = 0; k < 100; k++) {
        const struct column next = column(k, (float)k);
        recognition_take(recognition, &next, &result);
    }
    for (size_t k = 0; k < WINDOW_COLUMNS; k++)
        assert_true(spy.window[k][0] == (float)(100 - WINDOW_COLUMNS + k));
    recognition_free(recognition);
}

/* Column 0 in the middle: nothing older may be in the window, and hops are counted from there. */
static void forgets_what_was_before_a_new_stream(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    for (uint64_t k = 0; k < 33; k++) {
        const struct column next = column(k, 7.0f);
        recognition_take(recognition, &next, &result);
    }
    assert_int_equal(spy.runs, 3);
    for (uint64_t k = 0; k < 10; k++) {
        struct column next = column(k, 1.0f);
        next.lost_frames = k == 0 ? 12345 : 0;
        assert_int_equal(recognition_take(recognition, &next, &result), k == 9);
    }
    assert_int_equal(result.lost_frames, 12345);
    assert_int_equal(result.afresh, 1);
    for (size_t k = 0; k < WINDOW_COLUMNS; k++)
        assert_true(spy.window[k][0] != 7.0f);
    recognition_free(recognition);
}

static void sums_what_was_lost_and_remembers_clipping(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    for (uint64_t k = 0; k < 20; k++) {
        struct column next = column(k, 0.0f);
        next.lost_frames = k < 10 ? k : 0;
        next.clipped = k == 3;
        if (!recognition_take(recognition, &next, &result))
            continue;
        assert_int_equal(result.lost_frames, k == 9 ? 45 : 0);
        assert_int_equal(result.clipped, k == 9 ? 1 : 0);
    }
    recognition_free(recognition);
}

static void skips_hops_without_running_the_network(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    for (uint64_t k = 0; k < 20; k++) {
        struct column next = column(k, (float)k);
        next.lost_frames = 10;
        next.clipped = k == 2;
        assert_int_equal(recognition_skip(recognition, &next), k % 10 == 9);
    }
    assert_int_equal(spy.runs, 0);
    for (uint64_t k = 20; k < 30; k++) {
        const struct column next = column(k, (float)k);
        assert_int_equal(recognition_take(recognition, &next, &result), k == 29);
    }
    assert_int_equal(spy.runs, 1);
    assert_int_equal(result.lost_frames, 200);
    assert_int_equal(result.afresh, 1); /* the stream's first column was among what was skipped */
    assert_int_equal(result.clipped, 1);
    assert_int_equal(result.end_frame, 1000 + 29 * 480);
    for (size_t k = 0; k < WINDOW_COLUMNS; k++) /* what was skipped is in the window */
        assert_true(spy.window[k][0] == (float)(30 - WINDOW_COLUMNS + k));
    recognition_free(recognition);
}

/* The strides of this model put its steps 4 columns apart. */
static void tells_where_labels_leave(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct inference inference = {.network = &spy,
                                  .run = spy_run,
                                  .steps = SPY_STEPS,
                                  .step_probabilities = spy_steps,
                                  .free = spy_free,
                                  .kernel = "spy"};
    struct recognition *recognition = recognition_new(model, 0.1, &inference, NULL);
    struct result result = {0};
    for (uint64_t k = 0; k < 10; k++) {
        const struct column next = column(k, 1.0f);
        recognition_take(recognition, &next, &result);
    }
    assert_int_equal(result.located, 1);
    for (size_t i = 0; i < model_label_count(model); i++)
        assert_true(fabsf(result.exit_s[i] - (0.23f - 0.04f * 1.8f)) < 1e-6f);
    for (uint64_t k = 10; k < 40; k++) {
        struct column next = column(k, 1.0f);
        next.level_dbfs = -120.0f;
        recognition_take(recognition, &next, &result);
    }
    assert_int_equal(result.located, 0); /* in silence nothing is */
    recognition_free(recognition);
    assert_int_equal(spy.frees, 1);
}

/* -75 dBFS is audible; a window is silence only when all of it lies below. */
static void hears_nothing_in_silence(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    for (uint64_t k = 0; k < 100; k++) {
        struct column next = column(k, 1.0f);
        next.level_dbfs = k == 35 ? RECOGNITION_AUDIBLE_DBFS : RECOGNITION_AUDIBLE_DBFS - 0.1f;
        result.probability[0] = 0.5f;
        if (!recognition_take(recognition, &next, &result))
            continue;
        const bool audible = k >= 35 && k < 35 + WINDOW_COLUMNS;
        assert_int_equal(result.probability[0] > 0.0f, audible);
    }
    assert_int_equal(spy.runs, 2); /* at columns 39 and 49 */
    recognition_free(recognition);
}

/* What was audible before a loss does not make the new stream's silence audible. */
static void silence_after_a_new_stream_is_silence(void **state)
{
    (void)state;
    struct spy spy = {0};
    struct recognition *recognition = new_recognition(&spy, 0.1, NULL);
    struct result result;
    struct column next = column(0, 1.0f);
    recognition_take(recognition, &next, &result);
    for (uint64_t k = 0; k < 10; k++) {
        next = column(k, 1.0f);
        next.level_dbfs = -120.0f;
        recognition_take(recognition, &next, &result);
    }
    assert_int_equal(spy.runs, 0);
    recognition_free(recognition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_hop_out_of_range),
        cmocka_unit_test(rounds_the_hop_to_columns),
        cmocka_unit_test(rounds_no_hop_out_of_the_range),
        cmocka_unit_test(tells_the_network_where_windows_lie),
        cmocka_unit_test(refuses_when_the_network_is_short_of_memory),
        cmocka_unit_test(gives_a_result_once_a_hop),
        cmocka_unit_test(shows_silence_where_nothing_was_heard),
        cmocka_unit_test(shows_the_newest_window),
        cmocka_unit_test(forgets_what_was_before_a_new_stream),
        cmocka_unit_test(sums_what_was_lost_and_remembers_clipping),
        cmocka_unit_test(skips_hops_without_running_the_network),
        cmocka_unit_test(hears_nothing_in_silence),
        cmocka_unit_test(tells_where_labels_leave),
        cmocka_unit_test(silence_after_a_new_stream_is_silence),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
