#include "daemon/live_lines.h"

#include "common/text.h"
#include "daemon/clock.h"
#include "daemon/json_read.h"

#include <string.h>

void live_lines_init(struct live_lines *lines, FILE *stream, bool json)
{
    *lines = (struct live_lines){.stream = stream, .json = json};
}

/* One word, whatever the label is. */
static void write_change(const struct live_lines *lines, double time_s, char sign,
                         const char *label, double number)
{
    char time_text[40];
    char word[LIVE_NAME_SIZE];
    clock_write_utc((int64_t)time_s, time_text, sizeof time_text);
    snprintf(word, sizeof word, "%s", *label != '\0' ? label : "unnamed");
    text_replace(word, ' ', '_');
    fprintf(lines->stream, "%s%s %c%s", time_text, time_text[0] != '\0' ? "Z" : "", sign, word);
    if (sign != '-')
        fprintf(lines->stream, " %.2f", number);
    fputc('\n', lines->stream);
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
        write_change(lines, lines->time, '-', label, 0);
        note_exit(lines, label);
    }
    for (size_t i = 0; i < live->label_count; i++) {
        const char *label = live->labels[i].label;
        if (!lines->present[i] || find_told(lines, label) < lines->told_count)
            continue;
        write_change(lines, lines->time, '=', label, lines->probability[i]);
        note_entry(lines, label);
    }
}

/* A frame comes before the entries and exits that it shows: only with the next one is it known
 * which of them were not told. */
static void take_frame(struct live_lines *lines, const struct live *live)
{
    if (lines->frames == 1)
        catch_up(lines, live);
    if (lines->frames == 0) {
        for (size_t i = 0; i < live->label_count; i++) {
            lines->present[i] = live->labels[i].present;
            lines->probability[i] = live->labels[i].probability;
        }
        lines->time = live->time;
    }
    if (lines->frames < 2)
        lines->frames++;
}

static void take_change(struct live_lines *lines, const cJSON *data, char sign)
{
    char label[LIVE_NAME_SIZE];
    double time = 0;
    double confidence = 0;
    if (!json_read_string(data, "label", label, sizeof label) ||
        !json_read_number(data, "time", 0, LIVE_TIME_MAX, &time))
        return;
    (void)json_read_number(data, "confidence", 0, 1, &confidence);
    write_change(lines, time, sign, label, confidence);
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

void live_lines_take(struct live_lines *lines, const struct live *live, const char *type,
                     const cJSON *data)
{
    if (lines->json)
        write_json(lines, type, data);
    else if (strcmp(type, "hello") == 0 || strcmp(type, "lagged") == 0)
        lines->frames = 0;
    else if (strcmp(type, "frame") == 0)
        take_frame(lines, live);
    else if (strcmp(type, "onset") == 0)
        take_change(lines, data, '+');
    else if (strcmp(type, "offset") == 0)
        take_change(lines, data, '-');
}

void live_lines_write_present(struct live_lines *lines, const struct live *live)
{
    for (size_t i = 0; i < live->label_count; i++) {
        if (live->labels[i].present)
            write_change(lines, live->time, '=', live->labels[i].label,
                         live->labels[i].probability);
    }
}
