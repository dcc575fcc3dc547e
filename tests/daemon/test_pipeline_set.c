#include "daemon/pipeline_set.h"

#include "tests/support/pause.h"
#include "tests/support/sounds.h"
#include "tests/support/tiny_model.h"

#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE_HZ = 48000 };

static struct model *model; /* columns of 10 ms, labels low, middle, high */
static float threshold[MODEL_LABELS_MAX];
static bool enabled[MODEL_LABELS_MAX];
static char sound[512]; /* a file of half a second */

static int set_up(void **state)
{
    (void)state;
    model = tiny_model_open();
    for (size_t i = 0; i < model_label_count(model); i++) {
        threshold[i] = model_entry_threshold(model, i);
        enabled[i] = true;
    }
    float *samples = malloc(RATE_HZ / 2 * sizeof *samples);
    sound_sine(samples, RATE_HZ / 2, 1, RATE_HZ, 440.0, 0.25f);
    snprintf(sound, sizeof sound, "%s",
             sound_file_write("set.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE_HZ, 1, samples,
                              RATE_HZ / 2));
    free(samples);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_close(model);
    return 0;
}

/* Settings of sources with these keys beside their input. */
static struct settings *settings_of(const char *const *keys, size_t count)
{
    char path[] = "/tmp/tutti-set-XXXXXX";
    FILE *stream = fdopen(mkstemp(path), "w");
    assert_non_null(stream);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "[source s%zu]\ninput = file:%s\n%s\n", i, sound, keys[i]);
    fputs("[recognition]\nhop_s = 0.1\n[history]\nkeep_h = 0.1\n", stream);
    fclose(stream);
    struct settings *settings = settings_new();
    struct tutti_error error;
    if (settings_read_file(settings, path, &error) != TUTTI_OK)
        fail_msg("%s", error.text);
    unlink(path);
    return settings;
}

static struct pipeline_set *open_set(const struct settings *settings)
{
    struct tutti_error error = {.text = ""};
    struct pipeline_set *set = pipeline_set_new(settings, model, threshold, enabled, &error);
    if (set == NULL)
        fail_msg("%s", error.text);
    return set;
}

static void ends_when_all_have_ended(void **state)
{
    (void)state;
    const char *const keys[] = {"", "gain_db = -20", ""};
    struct settings *settings = settings_of(keys, 3);
    struct pipeline_set *set = open_set(settings);
    assert_int_equal(set->count, 3);
    assert_false(pipeline_set_done(set));
    assert_int_equal(pipeline_set_start(set, NULL), TUTTI_OK);
    while (!pipeline_set_done(set))
        pause_ms(20);
    for (size_t i = 0; i < 3; i++) {
        struct timeline_frame frame;
        assert_ptr_equal(set->source[i], &settings->named[i]);
        assert_string_equal(pipeline_name(set->pipeline[i]), settings->named[i].name);
        assert_true(timeline_now(pipeline_timeline(set->pipeline[i]), &frame));
        assert_true(fabs(frame.t - 0.5) < 1e-9);
        const float level_dbfs = i == 1 ? -32.04f : -12.04f; /* its own gain */
        assert_true(fabsf(frame.level_dbfs - level_dbfs) < 0.1f);
    }
    pipeline_set_stop(set);
    pipeline_set_stop(set);
    pipeline_set_free(set);
    settings_free(settings);
}

static void goes_on_while_one_goes_on_or_stays(void **state)
{
    (void)state;
    const char *const others[] = {"at_end = repeat", "at_end = stay"};
    for (size_t i = 0; i < 2; i++) {
        const char *const keys[] = {"", others[i]};
        struct settings *settings = settings_of(keys, 2);
        struct pipeline_set *set = open_set(settings);
        assert_int_equal(pipeline_set_start(set, NULL), TUTTI_OK);
        while (!pipeline_done(set->pipeline[0]) || (i == 1 && !pipeline_done(set->pipeline[1])))
            pause_ms(20);
        assert_false(pipeline_set_done(set));
        pipeline_set_free(set); /* without a stop */
        settings_free(settings);
    }
}

static void opens_all_or_none_and_says_which_is_missing(void **state)
{
    (void)state;
    const char *const keys[] = {"", "channels = 2"};
    struct settings *settings = settings_of(keys, 2);
    struct tutti_error error = {.text = ""};
    assert_null(pipeline_set_new(settings, model, threshold, enabled, &error));
    assert_non_null(strstr(error.text, ": [source s1] input: channel 2 was asked for"));
    settings_free(settings);

    settings = settings_of(keys + 1, 1); /* of one it needs no name */
    assert_null(pipeline_set_new(settings, model, threshold, enabled, &error));
    assert_non_null(strstr(error.text, ": [source s0] input: channel 2 was asked for"));
    settings_free(settings);
    pipeline_set_free(NULL);
}

static void stops_before_it_was_started(void **state)
{
    (void)state;
    const char *const keys[] = {"", ""};
    struct settings *settings = settings_of(keys, 2);
    struct pipeline_set *set = open_set(settings);
    pipeline_set_stop(set);
    pipeline_set_free(set);
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_when_all_have_ended),
        cmocka_unit_test(goes_on_while_one_goes_on_or_stays),
        cmocka_unit_test(opens_all_or_none_and_says_which_is_missing),
        cmocka_unit_test(stops_before_it_was_started),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
