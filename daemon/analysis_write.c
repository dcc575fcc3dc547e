#include "daemon/analysis_write.h"

#include "common/text.h"
#include "daemon/json_writer.h"
#include "daemon/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 32768 /* the largest piece: 256 labels, each 63 characters and punctuation */
#define PROBABILITY_DECIMALS 4
#define TIME_DECIMALS 3

static const char *const format_names[] = {"text",     "json", "csv", "cues-csv",
                                           "audacity", "cue",  NULL};

bool analysis_format_parse(const char *name, enum analysis_format *format)
{
    for (size_t i = 0; format_names[i] != NULL; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *format = (enum analysis_format)i;
            return true;
        }
    }
    return false;
}

bool analysis_format_takes_several(enum analysis_format format)
{
    return format == ANALYSIS_TEXT || format == ANALYSIS_JSON || format == ANALYSIS_CSV;
}

size_t analysis_left_out(const struct analysis *analysis, enum analysis_format format)
{
    return format == ANALYSIS_SHEET ? cue_sheet_first(analysis->cue, analysis->cues) : 0;
}

/* ---- for people ---- */

static void print_clock(FILE *stream, double t_s)
{
    long tenths = lround(t_s * 10);
    if (tenths >= 36000)
        fprintf(stream, "%ld:%02ld:%02ld.%ld", tenths / 36000, tenths / 600 % 60, tenths / 10 % 60,
                tenths % 10);
    else
        fprintf(stream, "%ld:%02ld.%ld", tenths / 600, tenths / 10 % 60, tenths % 10);
}

/* The entries and exits of a label, as one line of words to be wrapped. NULL if memory is short. */
static char *list_times(const struct analysis *analysis, const char *label)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return NULL;
    for (size_t i = 0; i < analysis->cues; i++) {
        if (analysis->cue[i].label != label)
            continue;
        print_clock(stream, analysis->cue[i].on_s);
        fputc('-', stream);
        print_clock(stream, analysis->cue[i].off_s);
        fputc(' ', stream);
    }
    fclose(stream);
    return text;
}

static size_t next_by_mean(const struct analysis *analysis, const bool *shown)
{
    size_t best = analysis->labels;
    for (size_t i = 0; i < analysis->labels; i++) {
        if (shown[i] || !analysis->instrument[i].present)
            continue;
        if (best == analysis->labels ||
            analysis->instrument[i].mean > analysis->instrument[best].mean)
            best = i;
    }
    return best;
}

static void write_text(FILE *stream, const struct analysis *analysis)
{
    static const char margin[] = "                                    ";
    enum text_kind kind;
    const char *name = analysis->name;
    for (size_t length; (length = text_next(name, &kind)) > 0; name += length)
        fwrite(kind == TEXT_PLAIN ? name : "?", 1, kind == TEXT_PLAIN ? length : 1, stream);
    fputs(": ", stream);
    print_clock(stream, analysis->duration_s);
    bool shown[MODEL_LABELS_MAX] = {false};
    size_t i = next_by_mean(analysis, shown);
    if (i == analysis->labels) {
        fputs(", no instrument found\n", stream);
        return;
    }
    fprintf(stream, "\n  %-20s %5s %5s  %s\n", "instrument", "mean", "max", "plays");
    for (; i < analysis->labels; i = next_by_mean(analysis, shown)) {
        shown[i] = true;
        int column = fprintf(stream, "  %-20s %4.0f%% %4.0f%%  ", analysis->label[i],
                             100 * (double)analysis->instrument[i].mean,
                             100 * (double)analysis->instrument[i].max);
        char *times = list_times(analysis, analysis->label[i]);
        options_print_wrapped(stream, times != NULL ? times : "?", (size_t)column, margin, 80);
        free(times);
    }
}

/* ---- JSON ---- */

static void flush(struct json_writer *writer, FILE *stream)
{
    fwrite(writer->text, 1, writer->length, stream);
    writer->length = 0;
}

static enum tutti_status write_json_frame(struct spool *spool, const struct analysis *analysis,
                                          double t_s, const float *probability,
                                          struct tutti_error *error)
{
    char text[LINE_SIZE];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_raw(&writer, analysis->frames > 0 ? "," : "");
    json_write_object_begin(&writer);
    json_write_key(&writer, "t");
    json_write_number(&writer, t_s, TIME_DECIMALS);
    json_write_key(&writer, "p");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < analysis->labels; i++)
        json_write_number(&writer, (double)probability[i], PROBABILITY_DECIMALS);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    return spool_write(spool, text, writer.length, error);
}

static void write_instruments(struct json_writer *writer, FILE *stream,
                              const struct analysis *analysis)
{
    json_write_key(writer, "instruments");
    json_write_array_begin(writer);
    for (size_t i = 0; i < analysis->labels; i++) {
        const struct analysis_instrument *instrument = &analysis->instrument[i];
        json_write_object_begin(writer);
        json_write_key(writer, "label");
        json_write_string(writer, analysis->label[i]);
        json_write_key(writer, "mean");
        json_write_number(writer, (double)instrument->mean, PROBABILITY_DECIMALS);
        json_write_key(writer, "max");
        json_write_number(writer, (double)instrument->max, PROBABILITY_DECIMALS);
        json_write_key(writer, "present");
        json_write_boolean(writer, instrument->present);
        json_write_object_end(writer);
        flush(writer, stream);
    }
    json_write_array_end(writer);
}

static void write_cues(struct json_writer *writer, FILE *stream, const struct analysis *analysis)
{
    json_write_key(writer, "cues");
    json_write_array_begin(writer);
    for (size_t i = 0; i < analysis->cues; i++) {
        const struct cue *cue = &analysis->cue[i];
        json_write_object_begin(writer);
        json_write_key(writer, "label");
        json_write_string(writer, cue->label);
        json_write_key(writer, "on_s");
        json_write_number(writer, cue->on_s, TIME_DECIMALS);
        json_write_key(writer, "off_s");
        json_write_number(writer, cue->off_s, TIME_DECIMALS);
        json_write_key(writer, "confidence");
        json_write_number(writer, (double)cue->confidence, PROBABILITY_DECIMALS);
        json_write_object_end(writer);
        flush(writer, stream);
    }
    json_write_array_end(writer);
}

static enum tutti_status write_json(FILE *stream, const struct analysis *analysis,
                                    struct spool *spool, struct tutti_error *error)
{
    char text[LINE_SIZE]; /* a path of 4,096 bytes grows sixfold at most */
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    json_write_key(&writer, "file");
    json_write_string(&writer, analysis->name);
    json_write_key(&writer, "duration_s");
    json_write_number(&writer, analysis->duration_s, 6);
    json_write_key(&writer, "model");
    json_write_string(&writer, analysis->model);
    flush(&writer, stream);
    json_write_key(&writer, "labels");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < analysis->labels; i++)
        json_write_string(&writer, analysis->label[i]);
    json_write_array_end(&writer);
    json_write_key(&writer, "window_s");
    json_write_number(&writer, analysis->window_s, 6);
    json_write_key(&writer, "hop_s");
    json_write_number(&writer, analysis->hop_s, 6);
    json_write_key(&writer, "frames");
    json_write_array_begin(&writer);
    flush(&writer, stream);
    enum tutti_status status = spool_copy(spool, stream, error);
    if (status != TUTTI_OK)
        return status;
    json_write_array_end(&writer);
    write_instruments(&writer, stream, analysis);
    write_cues(&writer, stream, analysis);
    json_write_object_end(&writer);
    flush(&writer, stream);
    fputc('\n', stream);
    return TUTTI_OK;
}

/* ---- CSV and cues ---- */

static void write_piece(void *context, const char *text, size_t length)
{
    FILE *stream = context;
    fwrite(text, 1, length, stream);
}

/* A spool that is written to until it fails. */
struct spooling {
    struct spool *spool;
    enum tutti_status status;
    struct tutti_error *error;
};

static void spool_piece(void *context, const char *text, size_t length)
{
    struct spooling *spooling = context;
    if (spooling->status == TUTTI_OK)
        spooling->status = spool_write(spooling->spool, text, length, spooling->error);
}

static void spool_number(struct spooling *spooling, double value, int decimals)
{
    char text[40];
    int length = snprintf(text, sizeof text, ",%.*f", decimals, value);
    spool_piece(spooling, text, (size_t)length);
}

static enum tutti_status write_csv_frame(struct spool *spool, const struct analysis *analysis,
                                         double t_s, const float *probability,
                                         struct tutti_error *error)
{
    struct spooling spooling = {.spool = spool, .status = TUTTI_OK, .error = error};
    cue_export_csv_field(analysis->name, spool_piece, &spooling);
    spool_number(&spooling, t_s, TIME_DECIMALS);
    for (size_t i = 0; i < analysis->labels; i++)
        spool_number(&spooling, (double)probability[i], PROBABILITY_DECIMALS);
    spool_piece(&spooling, "\n", 1);
    return spooling.status;
}

static void write_cue_list(FILE *stream, const struct analysis *analysis, enum cue_format format)
{
    const char *slash = strrchr(analysis->name, '/');
    cue_export(format, analysis->cue, analysis->cues, analysis->duration_s,
               slash != NULL ? slash + 1 : analysis->name, write_piece, stream);
}

void analysis_write_heading(FILE *stream, const struct analysis *analysis,
                            enum analysis_format format)
{
    if (format != ANALYSIS_CSV)
        return;
    fputs("file,t", stream);
    for (size_t i = 0; i < analysis->labels; i++)
        fprintf(stream, ",%s", analysis->label[i]);
    fputs("\n", stream);
}

enum tutti_status analysis_write_frame(struct spool *spool, const struct analysis *analysis,
                                       enum analysis_format format, double t_s,
                                       const float *probability, struct tutti_error *error)
{
    if (format == ANALYSIS_JSON)
        return write_json_frame(spool, analysis, t_s, probability, error);
    if (format == ANALYSIS_CSV)
        return write_csv_frame(spool, analysis, t_s, probability, error);
    return TUTTI_OK;
}

enum tutti_status analysis_write(FILE *stream, const struct analysis *analysis,
                                 enum analysis_format format, struct spool *spool,
                                 struct tutti_error *error)
{
    switch (format) {
    case ANALYSIS_TEXT:
        write_text(stream, analysis);
        break;
    case ANALYSIS_JSON:
        return write_json(stream, analysis, spool, error);
    case ANALYSIS_CSV:
        return spool_copy(spool, stream, error);
    case ANALYSIS_CUES:
        write_cue_list(stream, analysis, CUE_CSV);
        break;
    case ANALYSIS_AUDACITY:
        write_cue_list(stream, analysis, CUE_AUDACITY);
        break;
    case ANALYSIS_SHEET:
        write_cue_list(stream, analysis, CUE_SHEET);
        break;
    }
    return TUTTI_OK;
}
