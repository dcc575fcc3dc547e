#include "daemon/live_lines.h"

#include "common/text.h"
#include "daemon/clock.h"
#include "daemon/json_read.h"

#include <math.h>
#include <string.h>

void live_lines_init(struct live_lines *lines, FILE *stream, bool json)
{
    *lines = (struct live_lines){.stream = stream, .json = json};
}

static void write_time(const struct live_lines *lines, const char *before, double time_s)
{
    char text[40];
    clock_write_utc((int64_t)time_s, text, sizeof text);
    fprintf(lines->stream, "%s%s%s", before, text, text[0] != '\0' ? "Z" : "");
}

/* told_s: when it was told; time_s: when it was, 0: not known. The label is one word, whatever it
 * is. */
static void write_change(const struct live_lines *lines, double told_s, char sign,
                         const char *label, double number, double time_s)
{
    char word[LIVE_NAME_SIZE];
    snprintf(word, sizeof word, "%s", *label != '\0' ? label : "unnamed");
    text_replace(word, ' ', '_');
    write_time(lines, "", told_s);
    fprintf(lines->stream, " %c%s", sign, word);
    if (sign != '-')
        fprintf(lines->stream, " %.2f", number);
    if (time_s > 0)
        write_time(lines, sign == '-' ? " until " : " since ", time_s);
    fputc('\n', lines->stream);
}

/* What plays already. */
static void write_present(const struct live_lines *lines, const struct live *live, size_t place,
                          double probability)
{
    const bool known = live->entries == LIVE_ENTRIES_KNOWN;
    write_change(lines, live->time, '=', live->labels[place].label, probability,
                 known ? live->labels[place].entered : 0);
}

static size_t find_told(const struct live_lines *lines, const char *label)
{
    size_t place = 0;
    while (place < lines->told_count && strcmp(lines->told[place], label) != 0)
        place++;
    return place;
}

static void note_entry(struct live_lines *lines, const char *label)
{
    if (find_told(lines, label) < lines->told_count || lines->told_count == LIVE_LABELS_MAX)
        return;
    snprintf(lines->told[lines->told_count++], LIVE_NAME_SIZE, "%s", label);
}

static void note_exit(struct live_lines *lines, const char *label)
{
    const size_t place = find_told(lines, label);
    if (place == lines->told_count)
        return;
    lines->told_count--;
    if (place < lines->told_count)
        memcpy(lines->told[place], lines->told[lines->told_count], LIVE_NAME_SIZE);
}

/* Makes good for entries and exits that were missed: what was told against the first frame. */
static void catch_up(struct live_lines *lines, const struct live *live)
{
    for (size_t i = lines->told_count; i-- > 0;) {
        char label[LIVE_NAME_SIZE];
        memcpy(label, lines->told[i], sizeof label);
        const size_t place = live_find(live, label);
        if (place < live->label_count && lines->present[place])
            continue;
        write_change(lines, live->time, '-', label, 0, 0);
        note_exit(lines, label);
    }
    for (size_t i = 0; i < live->label_count; i++) {
        const char *label = live->labels[i].label;
        if (!lines->present[i] || find_told(lines, label) < lines->told_count)
            continue;
        write_present(lines, live, i, lines->probability[i]);
        note_entry(lines, label);
    }
    lines->caught_up = true;
}

static void catch_up_if_known(struct live_lines *lines, const struct live *live)
{
    if (lines->frames > 1 && !lines->caught_up && live->entries != LIVE_ENTRIES_AWAITED)
        catch_up(lines, live);
}

/* A frame comes before the entries and exits that it shows: only with the next one is it known
 * which of them were not told. And since when they play may still be asked. */
static void take_frame(struct live_lines *lines, const struct live *live)
{
    if (lines->frames == 0) {
        for (size_t i = 0; i < live->label_count; i++) {
            lines->present[i] = live->labels[i].present;
            lines->probability[i] = live->labels[i].probability;
        }
    }
    if (lines->frames < 2)
        lines->frames++;
    catch_up_if_known(lines, live);
}

static void take_change(struct live_lines *lines, const struct live *live, const cJSON *data,
                        char sign)
{
    char label[LIVE_NAME_SIZE];
    double time = 0;
    double confidence = 0;
    if (!json_read_string(data, "label", label, sizeof label) ||
        !json_read_number(data, "time", 0, LIVE_TIME_MAX, &time))
        return;
    (void)json_read_number(data, "confidence", 0, 1, &confidence);
    if (lines->frames > 1 && !lines->caught_up)
        catch_up(lines, live); /* no longer waits: what was before is told before */
    write_change(lines, fmax(live->time, time), sign, label, confidence, time);
    if (sign == '+')
        note_entry(lines, label);
    else
        note_exit(lines, label);
}

/* An event as it is, with '?' for what would make a terminal do things. */
static void write_json(const struct live_lines *lines, const char *type, const cJSON *data)
{
    cJSON *name = cJSON_CreateString(type);
    char *name_text = name != NULL ? cJSON_PrintUnformatted(name) : NULL;
    char *data_text = cJSON_PrintUnformatted(data);
    if (name_text != NULL && data_text != NULL) {
        text_clean(name_text);
        text_clean(data_text);
        fprintf(lines->stream, "{\"event\":%s,\"data\":%s}\n", name_text, data_text);
    }
    cJSON_free(name_text);
    cJSON_free(data_text);
    cJSON_Delete(name);
}

static void begin_anew(struct live_lines *lines)
{
    lines->frames = 0;
    lines->caught_up = false;
}

void live_lines_take(struct live_lines *lines, const struct live *live, const char *type,
                     const cJSON *data)
{
    if (lines->json)
        write_json(lines, type, data);
    else if (strcmp(type, "hello") == 0 || strcmp(type, "lagged") == 0)
        begin_anew(lines);
    else if (strcmp(type, "frame") == 0)
        take_frame(lines, live);
    else if (strcmp(type, "onset") == 0)
        take_change(lines, live, data, '+');
    else if (strcmp(type, "offset") == 0)
        take_change(lines, live, data, '-');
}

void live_lines_take_cues(struct live_lines *lines, const struct live *live)
{
    if (!lines->json)
        catch_up_if_known(lines, live);
}

void live_lines_write_present(struct live_lines *lines, const struct live *live)
{
    for (size_t i = 0; i < live->label_count; i++) {
        if (live->labels[i].present)
            write_present(lines, live, i, live->labels[i].probability);
    }
}
