#include "daemon/analysis_write.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two frames of a piece in which a flute plays twice. */
struct fixture {
    struct analysis analysis;
    char label[3][MODEL_LABEL_SIZE];
    struct analysis_instrument instrument[3];
    double t[2];
    float probability[6];
    struct cue cue[3];
};

static void fill(struct fixture *f)
{
    *f = (struct fixture){
        .label = {"cello", "flute", "voice"},
        .instrument = {{0.5f, 0.75f, true}, {0.625f, 0.99994f, true}, {0.01f, 0.02f, false}},
        .t = {0.245, 3671.5},
        .probability = {0, 0.12345f, 1, 0.5f, 0.00004f, 0.25f},
    };
    f->cue[0] = (struct cue){.label = f->label[1], .on_s = 0, .off_s = 2.25, .confidence = 0.75f};
    f->cue[1] = (struct cue){.label = f->label[0], .on_s = 1.5, .off_s = 61, .confidence = 0.5f};
    f->cue[2] = (struct cue){.label = f->label[1], .on_s = 3600, .off_s = 3671.96, .confidence = 1};
    f->analysis = (struct analysis){
        .name = strdup("a b.flac"),
        .model = "tiny",
        .duration_s = 3671.96,
        .rate_hz = 44100,
        .window_s = 3,
        .hop_s = 0.25,
        .labels = 3,
        .label = f->label,
        .instrument = f->instrument,
        .cues = 3,
        .cue = f->cue,
    };
}

/* What is written of so many frames, in memory that the caller frees. */
static char *written(struct analysis *analysis, size_t frames, const double *t,
                     const float *probability, enum analysis_format format)
{
    struct spool *spool = spool_new();
    assert_non_null(spool);
    for (analysis->frames = 0; analysis->frames < frames; analysis->frames++)
        assert_int_equal(analysis_write_frame(spool, analysis, format, t[analysis->frames],
                                              probability + analysis->frames * analysis->labels,
                                              NULL),
                         TUTTI_OK);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    analysis_write_heading(stream, analysis, format);
    assert_int_equal(analysis_write(stream, analysis, format, spool, NULL), TUTTI_OK);
    fclose(stream);
    spool_free(spool);
    return text;
}

static void expect(struct fixture *f, size_t frames, enum analysis_format format,
                   const char *expected)
{
    char *text = written(&f->analysis, frames, f->t, f->probability, format);
    assert_string_equal(text, expected);
    free(text);
}

static void knows_its_formats(void **state)
{
    (void)state;
    enum analysis_format format = ANALYSIS_CSV;
    assert_false(analysis_format_parse("", &format));
    assert_false(analysis_format_parse("JSON", &format));
    assert_false(analysis_format_parse("xml", &format));
    assert_int_equal(format, ANALYSIS_CSV);
    assert_true(analysis_format_parse("text", &format));
    assert_int_equal(format, ANALYSIS_TEXT);
    assert_true(analysis_format_parse("audacity", &format));
    assert_int_equal(format, ANALYSIS_AUDACITY);
    assert_true(analysis_format_parse("cues-csv", &format));
    assert_int_equal(format, ANALYSIS_CUES);
    assert_true(analysis_format_parse("cue", &format));
    assert_int_equal(format, ANALYSIS_SHEET);
}

static void writes_text(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    expect(&f, 2, ANALYSIS_TEXT,
           "a b.flac: 1:01:12.0\n"
           "  instrument            mean   max  plays\n"
           "  flute                  62%  100%  0:00.0-0:02.3 1:00:00.0-1:01:12.0\n"
           "  cello                  50%   75%  0:01.5-1:01.0\n");
    for (int i = 0; i < 3; i++)
        f.instrument[i].present = false;
    expect(&f, 2, ANALYSIS_TEXT, "a b.flac: 1:01:12.0, no instrument found\n");
    free(f.analysis.name);
}

static void writes_json(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    expect(&f, 2, ANALYSIS_JSON,
           "{\"file\":\"a b.flac\",\"duration_s\":3671.96,\"model\":\"tiny\","
           "\"labels\":[\"cello\",\"flute\",\"voice\"],\"window_s\":3,\"hop_s\":0.25,"
           "\"frames\":[{\"t\":0.245,\"p\":[0,0.1235,1]},{\"t\":3671.5,\"p\":[0.5,0,0.25]}],"
           "\"instruments\":[{\"label\":\"cello\",\"mean\":0.5,\"max\":0.75,\"present\":true},"
           "{\"label\":\"flute\",\"mean\":0.625,\"max\":0.9999,\"present\":true},"
           "{\"label\":\"voice\",\"mean\":0.01,\"max\":0.02,\"present\":false}],"
           "\"cues\":[{\"label\":\"flute\",\"on_s\":0,\"off_s\":2.25,\"confidence\":0.75},"
           "{\"label\":\"cello\",\"on_s\":1.5,\"off_s\":61,\"confidence\":0.5},"
           "{\"label\":\"flute\",\"on_s\":3600,\"off_s\":3671.96,\"confidence\":1}]}\n");
    free(f.analysis.name);
}

static void writes_csv(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    expect(&f, 2, ANALYSIS_CSV,
           "file,t,cello,flute,voice\n"
           "a b.flac,0.245,0.0000,0.1235,1.0000\n"
           "a b.flac,3671.500,0.5000,0.0000,0.2500\n");
    free(f.analysis.name);
    f.analysis.name = strdup("a,\"b\"");
    expect(&f, 1, ANALYSIS_CSV,
           "file,t,cello,flute,voice\n"
           "\"a,\"\"b\"\"\",0.245,0.0000,0.1235,1.0000\n");
    free(f.analysis.name);
}

static void writes_a_label_track(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    expect(&f, 2, ANALYSIS_AUDACITY,
           "0\t2.25\tflute\n"
           "1.5\t61\tcello\n"
           "3600\t3671.96\tflute\n");
    free(f.analysis.name);
}

static void writes_a_list_of_cues(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    expect(&f, 2, ANALYSIS_CUES,
           "label,on_s,off_s,confidence,time\n"
           "flute,0,2.25,0.75,\n"
           "cello,1.5,61,0.5,\n"
           "flute,3600,3671.96,1,\n");
    free(f.analysis.name);
}

static void writes_a_sheet(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    free(f.analysis.name);
    f.analysis.name = strdup("../songs/a b.flac");
    expect(&f, 2, ANALYSIS_SHEET,
           "FILE \"a b.flac\" WAVE\r\n"
           "  TRACK 01 AUDIO\r\n    TITLE \"flute\"\r\n    INDEX 01 00:00:00\r\n"
           "  TRACK 02 AUDIO\r\n    TITLE \"cello\"\r\n    INDEX 01 00:01:38\r\n"
           "  TRACK 03 AUDIO\r\n    TITLE \"flute\"\r\n    INDEX 01 60:00:00\r\n");
    assert_int_equal(analysis_left_out(&f.analysis, ANALYSIS_SHEET), 0);
    f.cue[2].on_s = 6001;
    assert_int_equal(analysis_left_out(&f.analysis, ANALYSIS_SHEET), 1);
    assert_int_equal(analysis_left_out(&f.analysis, ANALYSIS_AUDACITY), 0);
    free(f.analysis.name);
}

/* A file's name is any bytes but 0 and '/'. */
static void no_name_spoils_the_output(void **state)
{
    (void)state;
    struct fixture f;
    fill(&f);
    free(f.analysis.name);
    f.analysis.name = strdup("\"\\\n\033[31m\xff\xc3\xa9.wav");
    char *text = written(&f.analysis, 2, f.t, f.probability, ANALYSIS_JSON);
    const char *end;
    cJSON *root = cJSON_ParseWithOpts(text, &end, 0);
    assert_non_null(root);
    assert_string_equal(end, "\n");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "file"));
    assert_string_equal(name, "\"\\\n\033[31m\xef\xbf\xbd\xc3\xa9.wav");
    assert_null(strchr(text, '\033'));
    cJSON_Delete(root);
    free(text);
    text = written(&f.analysis, 2, f.t, f.probability, ANALYSIS_TEXT);
    assert_null(strchr(text, '\033'));
    assert_memory_equal(text, "\"\\??[31m", 8);
    free(text);
    free(f.analysis.name);

    /* The longest that a system takes. */
    f.analysis.name = calloc(1, 4096);
    memset(f.analysis.name, 1, 4095);
    text = written(&f.analysis, 2, f.t, f.probability, ANALYSIS_JSON);
    root = cJSON_Parse(text);
    assert_non_null(root);
    assert_int_equal(strlen(cJSON_GetStringValue(cJSON_GetObjectItem(root, "file"))), 4095);
    cJSON_Delete(root);
    free(text);
    free(f.analysis.name);
}

/* As many labels as a model can have, each as long as it can be. */
static void many_labels_fit(void **state)
{
    (void)state;
    static char label[MODEL_LABELS_MAX][MODEL_LABEL_SIZE];
    static struct analysis_instrument instrument[MODEL_LABELS_MAX];
    static float probability[MODEL_LABELS_MAX];
    for (int i = 0; i < MODEL_LABELS_MAX; i++) {
        memset(label[i], 'a' + i % 26, MODEL_LABEL_SIZE - 1);
        probability[i] = 0.12345f;
    }
    struct analysis analysis = {
        .name = strdup("x"),
        .labels = MODEL_LABELS_MAX,
        .label = label,
        .instrument = instrument,
    };
    char *text = written(&analysis, 1, &(double){1}, probability, ANALYSIS_JSON);
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "labels")), MODEL_LABELS_MAX);
    cJSON_Delete(root);
    free(text);
    free(analysis.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_formats),    cmocka_unit_test(writes_text),
        cmocka_unit_test(writes_json),          cmocka_unit_test(writes_csv),
        cmocka_unit_test(writes_a_label_track), cmocka_unit_test(no_name_spoils_the_output),
        cmocka_unit_test(many_labels_fit),      cmocka_unit_test(writes_a_list_of_cues),
        cmocka_unit_test(writes_a_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
