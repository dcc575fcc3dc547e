#include "daemon/live.h"

#include "common/text.h"
#include "daemon/clock.h"
#include "daemon/json_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_S 86400.0
#define LEVEL_MAX_DBFS 200.0

void live_init(struct live *live, uint64_t now_ns)
{
    *live = (struct live){.hop_stretch = 1,
                          .level_dbfs = -HUGE_VAL,
                          .peak_dbfs = -HUGE_VAL,
                          .hello_ns = now_ns,
                          .loud_ns = now_ns,
                          .broken_ns = now_ns};
}

/* "acoustic_guitar" -> "acoustic guitar"; never empty. */
static void write_name(const char *label, char *name, size_t size)
{
    snprintf(name, size, "%s", *label != '\0' ? label : "unnamed");
    text_replace(name, '_', ' ');
}

static void forget_frames(struct live *live)
{
    live->frame_ns = 0;
    live->level_dbfs = live->peak_dbfs = -HUGE_VAL;
    for (size_t i = 0; i < live->label_count; i++) {
        live->labels[i].present = false;
        live->labels[i].probability = 0;
    }
}

static bool same_labels(const struct live *live, const cJSON *labels, size_t count)
{
    if (live->label_count != count)
        return false;
    const cJSON *item = labels->child;
    for (size_t i = 0; i < count; i++, item = item->next) {
        char label[LIVE_NAME_SIZE];
        json_read_text(item->valuestring, label, sizeof label);
        if (strcmp(label, live->labels[i].label) != 0)
            return false;
    }
    return true;
}

static void take_labels(struct live *live, const cJSON *labels, size_t count)
{
    if (same_labels(live, labels, count))
        return;
    forget_frames(live);
    live->label_count = count;
    const cJSON *item = labels->child;
    for (size_t i = 0; i < count; i++, item = item->next) {
        struct live_label *label = &live->labels[i];
        *label = (struct live_label){.probability = 0};
        json_read_text(item->valuestring, label->label, sizeof label->label);
        write_name(label->label, label->name, sizeof label->name);
    }
}

static bool take_hello(struct live *live, const cJSON *data, uint64_t now_ns)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(data, "labels");
    if (!cJSON_IsArray(labels))
        return false;
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, labels)
    {
        if (!cJSON_IsString(item) || item->valuestring == NULL || ++count > LIVE_LABELS_MAX)
            return false;
    }
    take_labels(live, labels, count);
    (void)json_read_number(data, "window_s", 0, LONGEST_S, &live->window_s);
    (void)json_read_number(data, "hop_s", 0, LONGEST_S, &live->hop_s);
    (void)json_read_string(data, "model", live->model, sizeof live->model);
    (void)json_read_string(data, "version", live->version, sizeof live->version);
    /* After a long break it is as at the start: the next result is on its way. */
    if (now_ns - live->frame_ns > (uint64_t)(LIVE_STALE_S * 1e9))
        forget_frames(live);
    live->entries = LIVE_ENTRIES_AWAITED;
    live->hello_ns = now_ns;
    live->loud_ns = now_ns;
    return true;
}

static bool take_status(struct live *live, const cJSON *data)
{
    if (!json_read_string(data, "state", live->state, sizeof live->state))
        return false;
    double hop_stretch;
    (void)json_read_string(data, "source", live->source, sizeof live->source);
    if (json_read_number(data, "hop_stretch", 1, 1e6, &hop_stretch))
        live->hop_stretch = (unsigned)hop_stretch;
    return true;
}

/* Whether p has a probability for each label. */
static bool fits(const struct live *live, const cJSON *p, const cJSON *on)
{
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, p)
    {
        count++;
        if (!cJSON_IsNumber(item))
            return false;
    }
    return cJSON_IsArray(p) && cJSON_IsArray(on) && count == live->label_count;
}

static bool lists(const cJSON *on, const char *label)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, on)
    {
        char text[LIVE_NAME_SIZE];
        if (!cJSON_IsString(item) || item->valuestring == NULL)
            continue;
        json_read_text(item->valuestring, text, sizeof text);
        if (strcmp(text, label) == 0)
            return true;
    }
    return false;
}

static void take_presence(struct live_label *label, bool present, uint64_t frame)
{
    if (present && !label->present)
        label->present_from = frame;
    if (present)
        label->present_last = frame;
    label->present = present;
}

static bool take_frame(struct live *live, const cJSON *data, uint64_t now_ns)
{
    const cJSON *p = cJSON_GetObjectItemCaseSensitive(data, "p");
    const cJSON *on = cJSON_GetObjectItemCaseSensitive(data, "on");
    double t;
    double time;
    double level_dbfs;
    if (!fits(live, p, on) || !json_read_number(data, "t", 0, LIVE_TIME_MAX, &t) ||
        !json_read_number(data, "time", 0, LIVE_TIME_MAX, &time) ||
        !json_read_number(data, "level_dbfs", -LEVEL_MAX_DBFS, LEVEL_MAX_DBFS, &level_dbfs))
        return false;
    live->frames++;
    live->t = t;
    live->time = time;
    live->time_ns = now_ns;
    live->level_dbfs = live->peak_dbfs = level_dbfs;
    (void)json_read_number(data, "peak_dbfs", -LEVEL_MAX_DBFS, LEVEL_MAX_DBFS, &live->peak_dbfs);
    bool clipped = false;
    (void)json_read_boolean(data, "clipped", &clipped);
    if (clipped)
        live->clipped_ns = now_ns;
    if (level_dbfs > LIVE_SILENT_DBFS)
        live->loud_ns = now_ns;
    live->frame_ns = now_ns;
    const cJSON *item = p->child;
    for (size_t i = 0; i < live->label_count; i++, item = item->next) {
        struct live_label *label = &live->labels[i];
        label->probability = isfinite(item->valuedouble) ? fmin(fmax(item->valuedouble, 0), 1) : 0;
        take_presence(label, lists(on, label->label), live->frames);
    }
    return true;
}

static bool take_onset(struct live *live, const cJSON *data)
{
    char label[LIVE_NAME_SIZE];
    double time;
    if (!json_read_string(data, "label", label, sizeof label) ||
        !json_read_number(data, "time", 0, LIVE_TIME_MAX, &time))
        return false;
    const size_t place = live_find(live, label);
    if (place == live->label_count)
        return false;
    live->labels[place].entered = time;
    return true;
}

bool live_take(struct live *live, const char *type, const cJSON *data, uint64_t now_ns)
{
    if (!cJSON_IsObject(data))
        return false;
    if (strcmp(type, "hello") == 0)
        return take_hello(live, data, now_ns);
    if (strcmp(type, "lagged") == 0) {
        live->entries = LIVE_ENTRIES_AWAITED;
        return true;
    }
    if (strcmp(type, "status") == 0)
        return take_status(live, data);
    if (strcmp(type, "frame") == 0)
        return take_frame(live, data, now_ns);
    if (strcmp(type, "onset") == 0)
        return take_onset(live, data);
    return true;
}

void live_take_info(struct live *live, const cJSON *info)
{
    const cJSON *source = cJSON_GetObjectItemCaseSensitive(info, "source");
    char kind[16] = "";
    (void)json_read_string(source, "kind", kind, sizeof kind);
    live->is_device = strcmp(kind, "device") == 0;
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(info, "labels");
    const cJSON *thresholds = cJSON_GetObjectItemCaseSensitive(info, "thresholds");
    if (!cJSON_IsArray(labels) || !cJSON_IsArray(thresholds))
        return;
    const cJSON *label = labels->child;
    const cJSON *threshold = thresholds->child;
    for (; label != NULL && threshold != NULL; label = label->next, threshold = threshold->next) {
        char text[LIVE_NAME_SIZE];
        if (!cJSON_IsString(label) || label->valuestring == NULL)
            continue;
        json_read_text(label->valuestring, text, sizeof text);
        const size_t place = live_find(live, text);
        const double at = threshold->valuedouble;
        if (place < live->label_count)
            live->labels[place].threshold = cJSON_IsNumber(threshold) && at > 0 && at < 1 ? at : 0;
    }
}

void live_take_cues(struct live *live, const cJSON *cues)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(cues, "cues");
    live->entries = cJSON_IsArray(list) ? LIVE_ENTRIES_KNOWN : LIVE_ENTRIES_UNKNOWN;
    const cJSON *cue;
    cJSON_ArrayForEach(cue, list)
    {
        char label[LIVE_NAME_SIZE];
        double time;
        if (!json_read_string(cue, "label", label, sizeof label) ||
            !json_read_number(cue, "time", 0, LIVE_TIME_MAX, &time))
            continue;
        const size_t place = live_find(live, label);
        /* An entry that the stream has told of since the answer was written is newer. */
        if (place < live->label_count)
            live->labels[place].entered = fmax(live->labels[place].entered, time);
    }
}

void live_set_link(struct live *live, enum live_link link, const char *reason, uint64_t now_ns)
{
    if (live->link == LIVE_CONNECTED && link != LIVE_CONNECTED)
        live->broken_ns = now_ns;
    live->link = link;
    json_read_text(reason != NULL ? reason : "", live->reason, sizeof live->reason);
}

double live_time_now(const struct live *live, uint64_t now_ns)
{
    if (live->time <= 0)
        return 0;
    return live->time + (double)(now_ns - live->time_ns) / (double)CLOCK_NS_PER_S;
}

size_t live_find(const struct live *live, const char *label)
{
    size_t place = 0;
    while (place < live->label_count && strcmp(live->labels[place].label, label) != 0)
        place++;
    return place;
}

size_t live_present(const struct live *live, size_t places[LIVE_LABELS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < live->label_count; i++) {
        if (!live->labels[i].present)
            continue;
        size_t at = count++;
        for (; at > 0 && live->labels[places[at - 1]].present_from > live->labels[i].present_from;
             at--)
            places[at] = places[at - 1];
        places[at] = i;
    }
    return count;
}
