#include "nn/model.h"

#include "tests/nn/support/fixtures.h"
#include "tests/nn/support/model_builder.h"
#include "tests/nn/support/model_refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_metadata(void **state)
{
    (void)state;
    static const char *const keys[] = {"tutti.format",   "tutti.name",      "tutti.labels",
                                       "tutti.frontend", "tutti.layers",    "tutti.calibration",
                                       "tutti.training", "tutti.neighbours"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char reason[80];
        snprintf(reason, sizeof reason, "the key \"%s\" is missing", keys[i]);
        if (strcmp(keys[i], "tutti.neighbours") != 0) /* which may be missing */
            refuse_text(keys[i], NULL, reason);
        if (i < 2)
            continue;
        snprintf(reason, sizeof reason, "%s: not valid JSON", keys[i]);
        refuse_text(keys[i], "", reason);
        refuse_text(keys[i], "{", reason);
        snprintf(reason, sizeof reason, "%s: something follows", keys[i]);
        refuse_text(keys[i], "1 1", reason);
        snprintf(reason, sizeof reason, "%s: the key \"a\" is there twice", keys[i]);
        refuse_text(keys[i], "{\"a\": 1, \"b\": 2, \"a\": 3}", reason);
        refuse_text(keys[i], "3", "is expected");
    }
    struct builder *builder = builder_tiny();
    builder_set(builder, "tutti.format", "2");
    refuse_as(builder, TUTTI_ERROR_UNSUPPORTED, "the version is \"2\", this build reads \"1\"");
    builder = builder_tiny();
    builder_set(builder, "tutti.format", "1.0");
    refuse_as(builder, TUTTI_ERROR_UNSUPPORTED, "\"1.0\"");
    refuse_text("tutti.training", "[]", "tutti.training: an object is expected");
}

static void test_name_and_labels(void **state)
{
    (void)state;
    char name[80] = {0};
    memset(name, 'n', 64);
    refuse_text("tutti.name", "", "tutti.name: 1 to 63 bytes");
    refuse_text("tutti.name", name, "tutti.name: 1 to 63 bytes");
    static const char *const controls[] = {"a\nb", "\x7f", "\xc2\x9b\x33\x31m", "\x1b"};
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
        refuse_text("tutti.name", controls[i], "tutti.name: it holds a control character");
    refuse_text("tutti.labels", "[]", "0 elements where 1 to 256");
    refuse_text("tutti.labels", "[\"a\", \"a\"]", "\"a\" is there twice");
    refuse_text("tutti.labels", "[\"a\", \"\"]", "element 1 is no text");
    refuse_text("tutti.labels", "[\"a\", 1]", "element 1 is no text");
    refuse_text("tutti.labels", "[\"A\", \"b\"]", "element 0 is no text");
    refuse_text("tutti.labels", "[\"a b\", \"b\"]", "element 0 is no text");
    refuse_text("tutti.labels", "[\"\\u00e9\", \"b\"]", "element 0 is no text");
    char label[100];
    snprintf(label, sizeof label, "[\"%.64s\", \"b\"]", name);
    refuse_text("tutti.labels", label, "element 0 is no text");
    char many[257 * 8] = "[\"l0\"";
    for (int i = 1; i < 257; i++)
        snprintf(many + strlen(many), 8, ",\"%d\"", i);
    refuse_text("tutti.labels", strcat(many, "]"), "257 elements where 1 to 256");
    refuse_text("tutti.labels", "[\"a\"]", "2 elements where 1 to 1");
}

static void test_neighbours(void **state)
{
    (void)state;
    static const char key[] = "tutti.neighbours";
    refuse_text(key, "[]", "tutti.neighbours: 0 elements where 1 to 256");
    refuse_text(key, "{}", "tutti.neighbours: an array is expected");
    refuse_text(key, "[\"harp\", \"Horn\"]", "tutti.neighbours: element 1 is no text");
    refuse_text(key, "[\"harp\", \"harp\"]", "tutti.neighbours: \"harp\" is there twice");
    refuse_text(key, "[\"label_1\"]", "tutti.neighbours: \"label_1\" is there twice");
    char many[257 * 8] = "[\"n0\"";
    for (int i = 1; i < 257; i++)
        snprintf(many + strlen(many), 8, ",\"%d\"", i);
    refuse_text(key, strcat(many, "]"), "tutti.neighbours: 257 elements where 1 to 256");
    refuse_text(key, "[\"harp\"]", "it has 2 outputs for 2 labels and 1 neighbours");

    struct builder *builder = builder_new(1, 8, 8, 5);
    builder_mean(builder);
    builder_head(builder, 5);
    builder_neighbours(builder, 2, 3);
    struct model *model = builder_open(builder);
    assert_int_equal(model_label_count(model), 2);
    assert_string_equal(model_label(model, 1), "label_1");
    assert_int_equal(model_neighbour_count(model), 3);
    assert_string_equal(model_neighbour(model, 0), "neighbour_0");
    assert_string_equal(model_neighbour(model, 2), "neighbour_2");
    model_close(model);
    builder_free(builder);
}

static void test_frontend(void **state)
{
    (void)state;
    static const char f[] = "tutti.frontend";
    static const char *const cases[][3] = {
        {"\"rate_hz\": 32000, ", "", "\"rate_hz\" is missing"},
        {"\"rate_hz\": 32000", "\"rate_hz\": 32000, \"gain\": 2", "unknown key \"gain\""},
        {"32000", "\"32000\"", "\"rate_hz\" is no number"},
        {"32000", "7999", "\"rate_hz\" is 7999, allowed are 8000 to 192000"},
        {"32000", "192001", "\"rate_hz\" is 192001"},
        {"32000", "32000.5", "a whole number"},
        {"32000", "1e999", "\"rate_hz\" is inf"},
        {"\"fft_frames\": 1024", "\"fft_frames\": 1023", "no power of two"},
        {"\"fft_frames\": 1024", "\"fft_frames\": 32", "\"fft_frames\" is 32"},
        {"\"fft_frames\": 1024", "\"fft_frames\": 32768", "\"fft_frames\" is 32768"},
        {"\"window_frames\": 800", "\"window_frames\": 1", "\"window_frames\" is 1"},
        {"\"window_frames\": 800", "\"window_frames\": 1025", "\"window_frames\" is 1025"},
        {"\"hop_frames\": 320", "\"hop_frames\": 0", "\"hop_frames\" is 0"},
        {"\"hop_frames\": 320", "\"hop_frames\": 1025", "\"hop_frames\" is 1025"},
        {"\"mel_bands\": 8", "\"mel_bands\": 0", "\"mel_bands\" is 0"},
        {"\"mel_bands\": 8", "\"mel_bands\": 513", "\"mel_bands\" is 513"},
        {"\"columns\": 12", "\"columns\": 0", "\"columns\" is 0"},
        {"\"columns\": 12", "\"columns\": 4097", "\"columns\" is 4097"},
        {"hann_symmetric", "hann", "only \"hann_symmetric\" is known"},
        {"\"hann_symmetric\"", "1", "\"window\" is no text"},
        {"\"kaldi\"", "\"htk\"", "only \"kaldi\" is known"},
        {"\"low_hz\": 0", "\"low_hz\": -1", "\"low_hz\" is -1"},
        {"\"low_hz\": 0", "\"low_hz\": 15000", "\"low_hz\" is not below"},
        {"\"high_hz\": 15000", "\"high_hz\": 16001", "\"high_hz\" is 16001"},
        {"\"high_hz\": 15000", "\"high_hz\": null", "\"high_hz\" is no number"},
        {"0.97", "1.01", "\"preemphasis\" is 1.01"},
        {"0.97", "-0.1", "\"preemphasis\" is -0.1"},
        {"1e-5", "0", "\"log_offset\" is 0"},
        {"1e-5", "-1e-5", "\"log_offset\" is -1e-05"},
        {"\"add\": 4.5", "\"add\": 1e7", "\"add\" is 1e+07"},
        {"\"divide\": 5", "\"divide\": 0", "\"divide\" is 0"},
        {"\"divide\": 5", "\"divide\": 1e-7", "\"divide\" is 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_edit(f, cases[i][0], cases[i][1], cases[i][2]);
}

static void test_calibration(void **state)
{
    (void)state;
    static const char c[] = "tutti.calibration";
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1]", "1 elements where 2 to 2");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1, 1, 1]", "3 elements where 2 to 2");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": 1", "an array is expected");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1, null]", "\"scale\": element 1");
    refuse_edit(c, "\"scale\": [1, 1]", "\"scale\": [1e7, 1]", "\"scale\": element 0");
    refuse_edit(c, "\"offset\": [0.5", "\"offset\": [1e999", "\"offset\": element 0");
    refuse_edit(c, "\"threshold\": [0.5", "\"threshold\": [0", "\"threshold\": element 0");
    refuse_edit(c, "\"threshold\": [0.5", "\"threshold\": [1", "\"threshold\": element 0");
    refuse_edit(c, "{", "{\"entry\": [0.5], ", "\"entry\": 1 elements where 2 to 2");
    refuse_edit(c, "{", "{\"entry\": [0.5, 0], ", "\"entry\": element 1");
    refuse_edit(c, "{", "{\"entry\": null, ", "\"entry\": an array is expected");
    refuse_edit(c, "\"offset\"", "\"ofset\"", "unknown key \"ofset\"");
    refuse_edit(c, "{", "{\"rivalry\": -0.1, ", "\"rivalry\" is no number from 0 to 10");
    refuse_edit(c, "{", "{\"rivalry\": 11, ", "\"rivalry\" is no number from 0 to 10");
    refuse_edit(c, "{", "{\"rivalry\": [1, 1], ", "\"rivalry\" is no number from 0 to 10");
    refuse_edit(c, "{", "{\"deference\": -1, ", "\"deference\" is no number from 0 to 10");
    refuse_edit(c, "{", "{\"deference\": 1e999, ", "\"deference\" is no number from 0 to 10");
}

static void refuse_file(const char *path, enum tutti_status status, const char *reason)
{
    struct tutti_error error;
    assert_null(model_open(path, &error));
    if (strstr(error.text, reason) == NULL)
        print_error("%s\n", error.text);
    assert_non_null(strstr(error.text, reason));
    assert_int_equal(error.status, status);
    assert_null(model_open(path, NULL));
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/tutti-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m", folder);
    refuse_file(path, TUTTI_ERROR_NOT_FOUND, "/m: cannot open it: No such file");
    refuse_file(folder, TUTTI_ERROR_IO, "not a regular file");
    refuse_file("", TUTTI_ERROR_NOT_FOUND, "cannot open it");

    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_file(path, TUTTI_ERROR_IO, "not a regular file");
    assert_int_equal(unlink(path), 0);

    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    refuse_file(path, TUTTI_ERROR_FORMAT, "cut short (0 bytes");
    fputs("RIFF, and other things that are no model", file);
    fflush(file);
    refuse_file(path, TUTTI_ERROR_FORMAT, "is this a safetensors file?");
    assert_int_equal(ftruncate(fileno(file), (off_t)MODEL_FILE_MAX + 1), 0); /* sparse */
    refuse_file(path, TUTTI_ERROR_FORMAT, "a model has at most 67108864");
    fclose(file);
    unlink(path);

    char deep[5000];
    memset(deep, 'x', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    refuse_file(deep, TUTTI_ERROR_IO, "cannot open it: File name too long");
    rmdir(folder);
    assert_null(model_read(NULL, MODEL_FILE_MAX + 1, "large", NULL));
    assert_null(model_read(NULL, 0, "empty", NULL));
    model_close(NULL);
}

static void test_getters(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_edit(builder, "tutti.calibration", "\"threshold\": [0.5", "\"threshold\": [0.25");
    struct model *model = builder_open(builder);
    assert_string_equal(model_name(model), "a test");
    assert_int_equal(strlen(model_sha256(model)), 64);
    assert_int_equal(model_label_count(model), 2);
    assert_string_equal(model_label(model, 1), "label_1");
    assert_true(model_threshold(model, 0) == 0.25f);
    assert_true(model_threshold(model, 1) == 0.5f);
    assert_true(model_entry_threshold(model, 0) == 0.25f); /* none of their own */
    assert_true(model_entry_threshold(model, 1) == 0.5f);
    assert_string_equal(model_training_json(model), "{\"licence\": \"none\"}");
    const struct model_frontend *f = model_frontend(model);
    assert_int_equal(f->rate_hz, 32000);
    assert_int_equal(f->fft_frames, 1024);
    assert_int_equal(f->window_frames, 800);
    assert_int_equal(f->hop_frames, 320);
    assert_int_equal(f->mel_bands, 8);
    assert_int_equal(f->columns, 12);
    assert_true(f->low_hz == 0 && f->high_hz == 15000 && f->preemphasis == 0.97);
    assert_true(f->log_offset == 1e-5 && f->add == 4.5 && f->divide == 5);
    model_close(model);
    builder_free(builder);
}

static void test_entry_thresholds(void **state)
{
    (void)state;
    struct builder *builder = builder_tiny();
    builder_edit(builder, "tutti.calibration", "{", "{\"entry\": [0.75, 0.625], ");
    struct model *model = builder_open(builder);
    assert_true(model_threshold(model, 0) == 0.5f);
    assert_true(model_entry_threshold(model, 0) == 0.75f);
    assert_true(model_entry_threshold(model, 1) == 0.625f);
    model_close(model);
    builder_free(builder);
}

static void test_fixture(void **state)
{
    (void)state;
    char path[512];
    fixture_path("tiny.safetensors", path, sizeof path);
    struct tutti_error error;
    struct model *model = model_open(path, &error);
    if (model == NULL)
        print_error("%s\n", error.text);
    assert_non_null(model);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(model_file_size(model), status.st_size);
    assert_true(model_multiply_adds(model) > 0);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata),         cmocka_unit_test(test_name_and_labels),
        cmocka_unit_test(test_neighbours),       cmocka_unit_test(test_frontend),
        cmocka_unit_test(test_calibration),      cmocka_unit_test(test_files),
        cmocka_unit_test(test_entry_thresholds), cmocka_unit_test(test_getters),
        cmocka_unit_test(test_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
