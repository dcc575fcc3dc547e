/* A bench of a tiny model: what it counts is right, and what it reports is what it measured. How
 * fast anything is, is not tested. */
#include "daemon/bench.h"
#include "daemon/bench_report.h"
#include "daemon/thread.h"
#include "tests/support/tiny_model.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS 0.01
#define HOP_S 0.1

struct fixture {
    struct model *model;
    struct bench *bench;
    struct bench_figures figures;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tutti_error error;
    f->model = tiny_model_open();
    f->bench = f->model != NULL ? bench_new(f->model, NULL, HOP_S, &error) : NULL;
    if (f->bench == NULL)
        return -1;
    bench_measure(f->bench, SECONDS, &f->figures);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bench_free(f->bench);
    model_close(f->model);
    free(f);
    return 0;
}

static void check_time(const struct stopwatch_result *time)
{
    assert_true(time->runs >= 1);
    assert_true(time->min_ms >= 0 && time->median_ms >= time->min_ms);
}

static void every_stage_and_layer_is_measured(void **state)
{
    const struct fixture *f = *state;
    check_time(&f->figures.resampler);
    check_time(&f->figures.frontend);
    check_time(&f->figures.level);
    check_time(&f->figures.network);
    check_time(&f->figures.network_next);
    check_time(&f->figures.whole);
    for (size_t i = 0; i < model_layer_count(f->model); i++)
        check_time(&f->figures.layer[i]);
    assert_true(f->figures.network.min_ms > 0);
    const double own_ms = stopwatch_own_ms();
    assert_true(own_ms >= 0 && own_ms < 1); /* 1 is what it begins with */
    assert_true(fabs(f->figures.hop_s - HOP_S) < 0.01);
}

static void a_run_is_undisturbed_where_the_clocks_agree(void **state)
{
    (void)state;
    const struct stopwatch_reading begin = {10, 1000};
    const struct stopwatch_reading same = {20, 1010}, nearly = {19.9, 1010};
    const struct stopwatch_reading interrupted = {15, 1010}, corrected = {20, 1005};
    assert_true(stopwatch_undisturbed(&begin, &same));
    assert_true(stopwatch_undisturbed(&begin, &nearly));
    assert_false(stopwatch_undisturbed(&begin, &interrupted));
    assert_false(stopwatch_undisturbed(&begin, &corrected));
}

struct stages {
    size_t count;
    double done;
};

static void note_stage(void *context, const char *stage, double done)
{
    struct stages *stages = context;
    assert_true(stage[0] != '\0');
    assert_true(stages->count == 0 ? done == 0 : done > stages->done && done < 1);
    stages->done = done;
    stages->count++;
}

static void tells_how_far_it_is(void **state)
{
    struct fixture *f = *state;
    struct stages stages = {.count = 0};
    bench_on_stage(f->bench, note_stage, &stages);
    bench_measure(f->bench, SECONDS, &f->figures);
    bench_on_stage(f->bench, NULL, NULL);
    assert_true(stages.count > 5 && stages.done > 0.8);
}

static void measuring_twice_begins_anew(void **state)
{
    struct fixture *f = *state;
    const size_t peaks = f->figures.peaks;
    bench_measure(f->bench, SECONDS, &f->figures);
    assert_int_equal(f->figures.peaks, peaks);
    for (size_t i = 0; i < model_layer_count(f->model); i++)
        check_time(&f->figures.layer[i]);
}

static void the_peak_is_the_best_way_of_the_kernel(void **state)
{
    const struct fixture *f = *state;
    const struct network *network = bench_network(f->bench);
    double best = 0;
    assert_true(f->figures.peaks >= 1);
    for (size_t i = 0; i < f->figures.peaks; i++) {
        const struct bench_peak *peak = &f->figures.peak[i];
        assert_string_equal(peak->instructions, network_peak_instructions(network, i));
        assert_true(peak->gmac_per_s > 0);
        best = fmax(best, peak->gmac_per_s);
    }
    assert_null(network_peak_instructions(network, f->figures.peaks));
    assert_true(f->figures.peak_gmac_per_s == best);
}

static void sums_take_the_layers_that_they_name(void **state)
{
    const struct fixture *f = *state;
    struct bench_figures figures = f->figures;
    struct model_layer_info layer;
    size_t pointwise = 0, large = 0;
    uint64_t multiply_adds = 0, of_large = 0;
    for (size_t i = 0; i < model_layer_count(f->model); i++) {
        model_layer_describe(f->model, i, &layer);
        figures.layer[i] = (struct stopwatch_result){10, 0.25, 0.125};
        if (strcmp(layer.kind, "pointwise") != 0)
            continue;
        pointwise++;
        multiply_adds += layer.multiply_adds;
        large += layer.in.channels >= 32;
        of_large += layer.in.channels >= 32 ? layer.multiply_adds : 0;
    }
    const struct bench_sum sum = bench_sum_kind(f->model, &figures, "pointwise");
    assert_true(pointwise > 0);
    assert_int_equal(sum.layers, pointwise);
    assert_int_equal(sum.multiply_adds, multiply_adds);
    assert_true(sum.median_ms == 0.25 * (double)pointwise);
    assert_true(sum.min_ms == 0.125 * (double)pointwise);
    const struct bench_sum of_large_ones = bench_sum_large_pointwise(f->model, &figures);
    assert_int_equal(of_large_ones.layers, large);
    assert_int_equal(of_large_ones.multiply_adds, of_large);
    assert_int_equal(bench_sum_kind(f->model, &figures, "nonsense").layers, 0);
}

static void streams_and_rates_follow_from_the_times(void **state)
{
    (void)state;
    struct bench_figures figures = {.whole = {.median_ms = 4}};
    assert_int_equal(bench_sustainable_streams(&figures, 0.5), 125);
    assert_int_equal(bench_sustainable_streams(&figures, 1), 250);
    figures.whole.median_ms = 501; /* not even one */
    assert_int_equal(bench_sustainable_streams(&figures, 0.5), 0);
    assert_true(thread_cores() >= 1);
    assert_true(bench_gmac_per_s(2000000, 1) == 2);
    assert_true(bench_gmac_per_s(0, 1) == 0);
    assert_true(bench_gmac_per_s(1, 0) == 0);
}

/* ---- reports ---- */

static char *report(const struct fixture *f, bool json, bool all_layers)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    if (json)
        bench_report_json(stream, f->model, f->bench, &f->figures);
    else
        bench_report_text(stream, f->model, f->bench, &f->figures, all_layers);
    fclose(stream);
    return text;
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(value))
        fail_msg("no number \"%s\"", key);
    return cJSON_GetNumberValue(value);
}

static const char *string(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsString(value))
        fail_msg("no string \"%s\"", key);
    return cJSON_GetStringValue(value);
}

static const cJSON *object(const cJSON *parent, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(parent, key);
    if (!cJSON_IsObject(value))
        fail_msg("no object \"%s\"", key);
    return value;
}

static void check_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-5 + 1e-5 * fabs(expected)))
        fail_msg("%g is not %g", value, expected);
}

/* Members of what has multiply-adds, and that they agree with each other. */
static void check_speed(const cJSON *stage, uint64_t multiply_adds, double min_ms, double peak)
{
    check_near(number(stage, "multiply_adds"), (double)multiply_adds);
    check_near(number(stage, "min_ms"), min_ms);
    assert_true(number(stage, "median_ms") >= 0);
    check_near(number(stage, "gmac_per_s"), bench_gmac_per_s(multiply_adds, min_ms));
    check_near(number(stage, "share_of_peak"), bench_gmac_per_s(multiply_adds, min_ms) / peak);
}

static void check_layers(const struct fixture *f, const cJSON *layers)
{
    assert_int_equal(cJSON_GetArraySize(layers), model_layer_count(f->model));
    for (size_t i = 0; i < model_layer_count(f->model); i++) {
        struct model_layer_info info;
        model_layer_describe(f->model, i, &info);
        const cJSON *layer = object(layers, info.name);
        assert_string_equal(string(layer, "kind"), info.kind);
        const cJSON *out = cJSON_GetObjectItemCaseSensitive(layer, "out");
        assert_int_equal(cJSON_GetArraySize(out), 3);
        assert_int_equal(cJSON_GetArrayItem(out, 0)->valueint, info.out.time);
        assert_int_equal(cJSON_GetArrayItem(out, 2)->valueint, info.out.channels);
        static const char *const arrays[] = {"in", "kernel", "stride"};
        for (size_t a = 0; a < 3; a++)
            assert_true(cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(layer, arrays[a])));
        assert_int_equal(number(layer, "runs"), f->figures.layer[i].runs);
        check_speed(layer, info.multiply_adds, f->figures.layer[i].min_ms,
                    f->figures.peak_gmac_per_s);
    }
}

static void json_has_every_documented_key(void **state)
{
    const struct fixture *f = *state;
    const struct bench_figures *figures = &f->figures;
    char *text = report(f, true, false);
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    assert_string_equal(string(json, "version"), TUTTI_VERSION);
    assert_string_equal(string(json, "model"), model_name(f->model));
    assert_string_equal(string(json, "sha256"), model_sha256(f->model));
    assert_string_equal(string(json, "kernel"), network_kernel_name(bench_network(f->bench)));
    check_near(number(json, "hop_s"), figures->hop_s);
    check_near(number(json, "multiply_adds"), (double)model_multiply_adds(f->model));

    const cJSON *peaks = cJSON_GetObjectItemCaseSensitive(json, "peaks");
    assert_int_equal(cJSON_GetArraySize(peaks), figures->peaks);
    assert_string_equal(string(cJSON_GetArrayItem(peaks, 0), "instructions"),
                        figures->peak[0].instructions);
    check_near(number(cJSON_GetArrayItem(peaks, 0), "gmac_per_s"), figures->peak[0].gmac_per_s);
    check_near(number(json, "peak_gmac_per_s"), figures->peak_gmac_per_s);

    static const char *const stages[] = {"resampler_per_s",
                                         "frontend_per_s",
                                         "level_per_s",
                                         "network_per_window",
                                         "network_per_following_window",
                                         "whole_per_s"};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        assert_true(number(object(json, stages[i]), "runs") >= 1);
        assert_true(number(object(json, stages[i]), "min_ms") <=
                    number(object(json, stages[i]), "median_ms"));
    }
    check_speed(object(json, "network_per_window"), model_multiply_adds(f->model),
                figures->network.min_ms, figures->peak_gmac_per_s);
    const struct bench_sum large = bench_sum_large_pointwise(f->model, figures);
    const cJSON *of_large = object(json, "pointwise_32_inputs_per_window");
    assert_int_equal(number(of_large, "layers"), large.layers);
    check_speed(of_large, large.multiply_adds, large.min_ms, figures->peak_gmac_per_s);

    check_near(number(json, "share_of_core"), 1e-3 * figures->whole.median_ms);
    assert_true(number(json, "times_real_time") > 0);
    assert_true(cJSON_HasObjectItem(json, "sustainable_hop_s"));
    const double streams = number(json, "sustainable_streams_per_core");
    assert_int_equal(streams, bench_sustainable_streams(figures, BENCH_SUSTAINED_SHARE));
    assert_int_equal(number(json, "sustainable_streams"), streams * number(json, "cores"));
    check_layers(f, object(json, "layers"));
    cJSON_Delete(json);
    free(text);
}

static void the_table_has_every_layer_with_its_shapes(void **state)
{
    const struct fixture *f = *state;
    char *all = report(f, false, true), *kinds = report(f, false, false);
    for (size_t i = 0; i < model_layer_count(f->model); i++) {
        struct model_layer_info info;
        char row[200];
        model_layer_describe(f->model, i, &info);
        assert_non_null(strstr(kinds, info.kind));
        const int length = snprintf(row, sizeof row, "\n%-27s %-14s %ux%ux%u ", info.name,
                                    info.kind, info.in.time, info.in.frequency, info.in.channels);
        row[length - 1] = '\0';
        if (strstr(all, row) == NULL)
            fail_msg("no row %s", row);
        row[1 + strlen(info.name) + 1] = '\0'; /* the name alone, at the beginning of a line */
        assert_null(strstr(kinds, row));
    }
    assert_non_null(strstr(kinds, f->figures.peak[0].instructions));
    assert_non_null(strstr(kinds, "streams a core"));
    free(all);
    free(kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_and_layer_is_measured),
        cmocka_unit_test(a_run_is_undisturbed_where_the_clocks_agree),
        cmocka_unit_test(the_peak_is_the_best_way_of_the_kernel),
        cmocka_unit_test(sums_take_the_layers_that_they_name),
        cmocka_unit_test(streams_and_rates_follow_from_the_times),
        cmocka_unit_test(json_has_every_documented_key),
        cmocka_unit_test(the_table_has_every_layer_with_its_shapes),
        cmocka_unit_test(tells_how_far_it_is),
        cmocka_unit_test(measuring_twice_begins_anew),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
