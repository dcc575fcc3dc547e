/* backlog.h - how much of what waits between a listener and its recognizer was heard.
 *
 * Where sound was lost, up to a window of silence is put in its place at once
 * (feature_stream.h). Such columns wait in the same queue, and no machine is too slow
 * because of them: they are counted apart.
 *
 * A plain value, all zeros at first. Threads: push from the queue's writer, pop from its
 * reader, the rest from any. Real-time safe.
 */
#ifndef TUTTI_DAEMON_BACKLOG_H
#define TUTTI_DAEMON_BACKLOG_H

#include "daemon/messages.h"
#include "daemon/queue.h"

#include <stdatomic.h>
#include <stddef.h>

struct backlog {
    _Atomic size_t inserted; /* columns of inserted silence in the queue */
};

/* [writer] Before this column is pushed, once. */
void backlog_push(struct backlog *backlog, const struct column *column);

/* [reader] After this column was taken out of the queue; inserted: as the column said. */
void backlog_pop(struct backlog *backlog, bool inserted);

/* Columns of captured sound that wait in the queue, a column being read included. While one of the
 * two threads is at it, what it has in hand may be left out. */
size_t backlog_captured(const struct backlog *backlog, const struct queue *columns);

#endif
