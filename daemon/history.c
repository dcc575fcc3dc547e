/* history.c - see history.h */
#include "daemon/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct history {
    size_t labels;
    size_t capacity;
    uint64_t end;         /* number of the next entry */
    uint64_t *end_frame;  /* [capacity] */
    int16_t *level;       /* [capacity], 0.01 dB */
    uint8_t *probability; /* [capacity][labels], 1/255 */
};

size_t history_bytes(size_t labels, size_t capacity)
{
    return capacity * (sizeof(uint64_t) + sizeof(int16_t) + labels);
}

struct history *history_new(size_t labels, size_t capacity)
{
    if (labels == 0 || labels > MAX_LABELS || capacity == 0 ||
        capacity > SIZE_MAX / 2 / (sizeof(uint64_t) + sizeof(int16_t) + MAX_LABELS)) {
        return NULL;
    }
    struct history *history = calloc(1, sizeof *history);
    if (history == NULL) {
        return NULL;
    }
    history->labels = labels;
    history->capacity = capacity;
    history->end_frame = malloc(capacity * sizeof *history->end_frame);
    history->level = malloc(capacity * sizeof *history->level);
    history->probability = malloc(capacity * labels);
    if (history->end_frame == NULL || history->level == NULL || history->probability == NULL) {
        history_free(history);
        return NULL;
    }
    memset(history->end_frame, 0xFF, capacity * sizeof *history->end_frame);
    memset(history->level, 0xFF, capacity * sizeof *history->level);
    memset(history->probability, 0xFF, capacity * labels);
    return history;
}

void history_free(struct history *history)
{
    if (history != NULL) {
        free(history->end_frame);
        free(history->level);
        free(history->probability);
        free(history);
    }
}

void history_add(struct history *history, uint64_t end_frame, float level_dbfs,
                 const float *probability)
{
    size_t at = (size_t)(history->end % history->capacity);
    history->end_frame[at] = end_frame;
    history->level[at] = (int16_t)lrintf(fminf(fmaxf(level_dbfs, -300), 300) * 100);
    for (size_t label = 0; label < history->labels; label++) {
        history->probability[at * history->labels + label] =
            (uint8_t)lrintf(fminf(fmaxf(probability[label], 0), 1) * 255);
    }
    history->end++;
}

uint64_t history_oldest(const struct history *history)
{
    return history->end > history->capacity ? history->end - history->capacity : 0;
}

uint64_t history_find(const struct history *history, uint64_t frame)
{
    uint64_t low = history_oldest(history);
    uint64_t high = history->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (history->end_frame[middle % history->capacity] < frame) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void history_accumulate(const struct history *history, uint64_t *entry, uint64_t to_frame,
                        size_t max_entries, struct history_sum *sum)
{
    if (*entry < history_oldest(history)) {
        *entry = history_oldest(history);
    }
    for (; max_entries > 0 && *entry < history->end; max_entries--, ++*entry) {
        size_t at = (size_t)(*entry % history->capacity);
        if (history->end_frame[at] >= to_frame) {
            return;
        }
        float level_dbfs = (float)history->level[at] / 100;
        if (sum->entries == 0 || level_dbfs > sum->level_dbfs) {
            sum->level_dbfs = level_dbfs;
        }
        sum->entries++;
        for (size_t label = 0; label < history->labels; label++) {
            sum->probability[label] += history->probability[at * history->labels + label];
        }
    }
}
