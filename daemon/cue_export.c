/* cue_export.c - see cue_export.h */
#include "daemon/cue_export.h"

#include "common/text.h"
#include "daemon/clock.h"
#include "daemon/json_writer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LABEL_SIZE 64  /* models/FORMAT.md: at most 63 bytes */
#define LINE_SIZE 1024 /* a label of 63 bytes, all of them escaped, and four numbers fit twice */
#define SHEET_TRACKS 99
#define SHEET_FRAMES_PER_S 75
#define SHEET_LAST_FRAME (100 * 60 * SHEET_FRAMES_PER_S - 1) /* 99:59:74 */

struct output {
    cue_export_write *write;
    void *context;
};

static const char *const format_name[] = {"json", "csv", "audacity", "cue"};

bool cue_format_parse(const char *name, enum cue_format *format)
{
    for (int i = CUE_JSON; i <= CUE_SHEET; i++) {
        if (strcmp(name, format_name[i]) == 0) {
            *format = (enum cue_format)i;
            return true;
        }
    }
    return false;
}

const char *cue_format_content_type(enum cue_format format)
{
    static const char *const type[] = {"application/json", "text/csv; charset=utf-8",
                                       "text/plain; charset=utf-8", "application/x-cue"};
    return type[format];
}

static void put(const struct output *output, const char *text)
{
    output->write(output->context, text, strlen(text));
}

/* Numbers with the writer of JSON: without the locale. */
static void put_number(const struct output *output, double value)
{
    char text[40];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_number(&writer, value, 3);
    put(output, text);
}

/* A time of day, rounded to 1/1000 s, as ISO 8601 has it. */
static void put_time(const struct output *output, double seconds)
{
    const int64_t ms = llround(seconds * 1000);
    char date[40];
    char text[64];
    clock_write_utc(ms / 1000, date, sizeof date);
    if (date[0] == '\0')
        return;
    (void)snprintf(text, sizeof text, "%s.%03dZ", date, (int)(ms % 1000));
    put(output, text);
}

/* A label as people write it: acoustic guitar. */
static void write_title(const char *label, char title[LABEL_SIZE])
{
    (void)snprintf(title, LABEL_SIZE, "%s", label);
    text_replace(title, '_', ' ');
}

static void put_json(const struct output *output, const struct cue *cue)
{
    char text[LINE_SIZE];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    json_write_key(&writer, "label");
    json_write_string(&writer, cue->label);
    json_write_key(&writer, "on_s");
    json_write_number(&writer, cue->on_s, 3);
    json_write_key(&writer, "off_s");
    if (cue->off_s < 0) {
        json_write_null(&writer);
    } else {
        json_write_number(&writer, cue->off_s, 3);
    }
    if (cue->time > 0) {
        json_write_key(&writer, "time");
        json_write_number(&writer, cue->time, 3);
    }
    json_write_key(&writer, "confidence");
    json_write_number(&writer, (double)cue->confidence, 3);
    json_write_object_end(&writer);
    put(output, text);
}

void cue_export_csv_field(const char *text, cue_export_write *write, void *context)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        write(context, text, strlen(text));
        return;
    }
    write(context, "\"", 1);
    for (; *text != '\0'; text++) {
        write(context, "\"\"", *text == '"');
        write(context, text, 1);
    }
    write(context, "\"", 1);
}

static void put_csv(const struct output *output, const struct cue *cue)
{
    cue_export_csv_field(cue->label, output->write, output->context);
    put(output, ",");
    put_number(output, cue->on_s);
    put(output, ",");
    if (cue->off_s >= 0) {
        put_number(output, cue->off_s);
    }
    put(output, ",");
    put_number(output, (double)cue->confidence);
    put(output, ",");
    if (cue->time > 0) {
        put_time(output, cue->time);
    }
    put(output, "\n");
}

static void put_audacity(const struct output *output, const struct cue *cue, double now_s)
{
    put_number(output, cue->on_s);
    put(output, "\t");
    put_number(output, cue->off_s >= 0 ? cue->off_s : fmax(now_s, cue->on_s));
    put(output, "\t");
    char title[LABEL_SIZE];
    write_title(cue->label, title);
    put(output, title);
    put(output, "\n");
}

/* A quoted string of a CUE sheet, which has no escapes. */
static void put_quoted(const struct output *output, const char *text)
{
    put(output, "\"");
    enum text_kind kind;
    for (size_t length; (length = text_next(text, &kind)) > 0; text += length) {
        bool plain = *text != '"' && kind == TEXT_PLAIN;
        output->write(output->context, plain ? text : "'", plain ? length : 1);
    }
    put(output, "\"");
}

/* What a reader of the sheet could not know: what is missing before it, and when its sound began.
 * CDRWIN passes over what stands behind REM. */
static void put_remarks(const struct output *output, const struct cue *first, size_t left_out,
                        double start_s)
{
    char text[80];
    if (left_out > 0) {
        (void)snprintf(text, sizeof text, "REM EARLIER ENTRIES LEFT OUT %zu\r\n", left_out);
        put(output, text);
    }
    if (first->time > first->on_s) {
        put(output, "REM BEGINS ");
        put_time(output, first->time - first->on_s + start_s);
        put(output, "\r\n");
    }
}

/* A place in 1/75 s. */
static int64_t sheet_frames(double seconds)
{
    return llround(fmax(seconds, 0) * SHEET_FRAMES_PER_S);
}

static void put_track(const struct output *output, const struct cue *cue, size_t number,
                      int64_t frames)
{
    char text[80];
    (void)snprintf(text, sizeof text, "  TRACK %02zu AUDIO\r\n    TITLE ", number);
    put(output, text);
    char title[LABEL_SIZE];
    write_title(cue->label, title);
    put_quoted(output, title);
    (void)snprintf(text, sizeof text, "\r\n    INDEX 01 %02d:%02d:%02d\r\n",
                   (int)(frames / SHEET_FRAMES_PER_S / 60), (int)(frames / SHEET_FRAMES_PER_S % 60),
                   (int)(frames % SHEET_FRAMES_PER_S));
    put(output, text);
}

size_t cue_sheet_first(const struct cue *cues, size_t count)
{
    size_t first = count > SHEET_TRACKS ? count - SHEET_TRACKS : 0;
    while (first < count &&
           sheet_frames(cues[count - 1].on_s) - sheet_frames(cues[first].on_s) > SHEET_LAST_FRAME)
        first++;
    return first;
}

static void put_sheet(const struct output *output, const struct cue *cues, size_t count,
                      const char *title)
{
    size_t first = cue_sheet_first(cues, count);
    int64_t start = 0;
    if (count > 0 && sheet_frames(cues[count - 1].on_s) > SHEET_LAST_FRAME) {
        start = sheet_frames(cues[first].on_s);
        put(output, "REM START ");
        put_number(output, (double)start / SHEET_FRAMES_PER_S);
        put(output, "\r\n");
    }
    if (count > 0)
        put_remarks(output, &cues[first], first, (double)start / SHEET_FRAMES_PER_S);
    put(output, "FILE ");
    put_quoted(output, title);
    put(output, " WAVE\r\n");
    for (size_t i = first; i < count; i++) {
        put_track(output, &cues[i], i - first + 1, sheet_frames(cues[i].on_s) - start);
    }
}

void cue_export(enum cue_format format, const struct cue *cues, size_t count, double now_s,
                const char *title, cue_export_write *write, void *context)
{
    const struct output output = {.write = write, .context = context};
    if (format == CUE_SHEET) {
        put_sheet(&output, cues, count, title);
        return;
    }
    put(&output, format == CUE_JSON  ? "["
                 : format == CUE_CSV ? "label,on_s,off_s,confidence,time\n"
                                     : "");
    for (size_t i = 0; i < count; i++) {
        if (format == CUE_JSON) {
            put(&output, i > 0 ? "," : "");
            put_json(&output, &cues[i]);
        } else if (format == CUE_CSV) {
            put_csv(&output, &cues[i]);
        } else {
            put_audacity(&output, &cues[i], now_s);
        }
    }
    put(&output, format == CUE_JSON ? "]" : "");
}
