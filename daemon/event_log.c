/* event_log.c - see event_log.h */
#include "daemon/event_log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Each event's text lies in one piece, so that it is copied at once. Places are given in turn
 * around the ring; one that would cross its end starts at the beginning instead. */
struct entry {
    size_t begin;
    size_t length;
};

struct event_log {
    char *text;
    size_t size;
    size_t head;         /* where the next event goes */
    struct entry *entry; /* [capacity], at id % capacity */
    size_t capacity;
    uint64_t first_id;
    uint64_t oldest_id; /* == next_id: empty */
    uint64_t next_id;
};

#define MIN_EVENT_SIZE 48 /* shorter ones waste text, never entries */

struct event_log *event_log_new(size_t size, uint64_t first_id)
{
    if (size < 64 || size > (size_t)1 << 30 || first_id == 0) {
        return NULL;
    }
    struct event_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return NULL;
    }
    log->size = size;
    log->capacity = size / MIN_EVENT_SIZE;
    log->text = malloc(size);
    log->entry = malloc(log->capacity * sizeof *log->entry);
    if (log->text == NULL || log->entry == NULL) {
        event_log_free(log);
        return NULL;
    }
    memset(log->text, ' ', size);
    for (size_t i = 0; i < log->capacity; i++) {
        log->entry[i] = (struct entry){.begin = size};
    }
    log->first_id = log->oldest_id = log->next_id = first_id;
    return log;
}

void event_log_free(struct event_log *log)
{
    if (log != NULL) {
        free(log->text);
        free(log->entry);
        free(log);
    }
}

uint64_t event_log_next_id(const struct event_log *log)
{
    return log->next_id;
}

static struct entry *entry_of(const struct event_log *log, uint64_t id)
{
    return &log->entry[id % log->capacity];
}

/* Drops the oldest events as long as they lie in [begin, end). */
static void make_room(struct event_log *log, size_t begin, size_t end)
{
    while (log->oldest_id < log->next_id) {
        const struct entry *oldest = entry_of(log, log->oldest_id);
        if (oldest->begin >= end || oldest->begin + oldest->length <= begin) {
            return;
        }
        log->oldest_id++;
    }
}

void event_log_add(struct event_log *log, const char *text, size_t length)
{
    if (length == 0 || length > log->size) {
        return;
    }
    if (length > log->size - log->head) {
        make_room(log, log->head, log->size);
        log->head = 0;
    }
    make_room(log, log->head, log->head + length);
    if (log->next_id - log->oldest_id == log->capacity) {
        log->oldest_id++;
    }
    memcpy(log->text + log->head, text, length);
    *entry_of(log, log->next_id) = (struct entry){.begin = log->head, .length = length};
    log->head += length;
    log->next_id++;
}

size_t event_log_read(const struct event_log *log, uint64_t *last_id, uint64_t *dropped, char *text,
                      size_t size)
{
    bool known = *last_id + 1 >= log->first_id && *last_id < log->next_id;
    uint64_t id = known ? *last_id + 1 : log->oldest_id;
    *dropped = 0;
    if (id < log->oldest_id) {
        *dropped = log->oldest_id - id;
        id = log->oldest_id;
    }
    size_t used = 0;
    for (; id < log->next_id && entry_of(log, id)->length <= size - used; id++) {
        const struct entry *entry = entry_of(log, id);
        memcpy(text + used, log->text + entry->begin, entry->length);
        used += entry->length;
    }
    *last_id = id - 1;
    return used;
}
