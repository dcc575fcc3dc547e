/* history.h - the probabilities and levels of the last hours, in a fixed amount
 * of memory.
 *
 * One entry per frame of results, the oldest make room for the newest.
 * Probabilities are kept in 8 bits (steps of 1/255), levels in steps of 0.01 dB:
 * it is what a picture or a long-term statistic needs, and a day of 20 labels at
 * four frames a second takes 10 MB.
 *
 * Not thread-safe: the timeline's mutex guards it. Memory only in history_new();
 * all of it is touched there, so that the history does not grow later.
 */
#ifndef TUTTI_DAEMON_HISTORY_H
#define TUTTI_DAEMON_HISTORY_H

#include "daemon/messages.h"

#include <stddef.h>
#include <stdint.h>

struct history; /* opaque */

/* Room for capacity entries (at least 1) of labels (1 to MAX_LABELS). NULL if out of range or
 * memory is short. */
struct history *history_new(size_t labels, size_t capacity);
void history_free(struct history *history);

/* The bytes that history_new() takes for its entries. */
size_t history_bytes(size_t labels, size_t capacity);

/* Appends an entry. end_frame must not decrease. probability [labels], 0 ... 1. O(1). */
void history_add(struct history *history, uint64_t end_frame, float level_dbfs,
                 const float *probability);

/* Entries are numbered from 0 on, without end; those from this one on are held. */
uint64_t history_oldest(const struct history *history);

/* The number of the oldest entry held with end_frame >= frame; if there is none, that which the
 * next entry will have. */
uint64_t history_find(const struct history *history, uint64_t frame);

/* What is summed up over several entries; start with all zeros. */
struct history_sum {
    size_t entries;
    float level_dbfs;                 /* largest */
    uint64_t probability[MAX_LABELS]; /* sums of 1/255ths */
};

/* Adds at most max_entries entries, from number *entry on and while end_frame < to_frame, to *sum;
 * advances *entry. Entries no longer held are skipped. */
void history_accumulate(const struct history *history, uint64_t *entry, uint64_t to_frame,
                        size_t max_entries, struct history_sum *sum);

#endif
