#include "daemon/backlog.h"

void backlog_push(struct backlog *backlog, const struct column *column)
{
    if (column->inserted != 0)
        atomic_fetch_add(&backlog->inserted, 1);
}

void backlog_pop(struct backlog *backlog, bool inserted)
{
    if (inserted)
        atomic_fetch_sub(&backlog->inserted, 1);
}

size_t backlog_captured(const struct backlog *backlog, const struct queue *columns)
{
    /* The queue first: each of its columns was counted before it got there. */
    const size_t waiting = queue_count(columns);
    const size_t inserted = atomic_load(&backlog->inserted);
    return waiting > inserted ? waiting - inserted : 0;
}
