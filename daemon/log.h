/* log.h - what the programs tell the person or the journal that runs them.
 *
 * One line per message on one stream, as "NAME: text" or "NAME: error: text", or
 * with the journal's priority prefixes ("<3>text", sd-daemon(3)) where the stream
 * goes to the journal. Control characters, and what is not UTF-8, become
 * '?', so that one message is always one line.
 *
 * A struct log is a plain value without memory of its own. Threads: any; each
 * line is written by one call. Never called from the path of the sound.
 */
#ifndef TUTTI_DAEMON_LOG_H
#define TUTTI_DAEMON_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
    FILE *stream;
    const char *name;     /* of the program; lives as long as the log */
    enum log_level level; /* what is less urgent is dropped */
    bool journal;         /* with priority prefixes, without the name */
    /* How long all lines of a second together wait for their reader; what is left of it, and when
     * it is whole again. */
    int patience_ms;
    atomic_int patience_left_ms;
    atomic_uint_fast64_t renewal_ns;
};

/* A log onto stream. journal is found out: true if the environment variable
 * JOURNAL_STREAM names the very file that stream is (systemd.exec(5)). */
void log_init(struct log *log, FILE *stream, const char *name, enum log_level level);

/* Whether who reads what is written to the descriptor has left it full: a pager that is not moved,
 * a collector that is stuck. A pipe that is not takes PIPE_BUF bytes at once (pipe(7)). */
bool log_is_clogged(int descriptor);

/* Writes a message; longer ones are cut at 1,000 bytes. Where the stream is full it waits for
 * the reader, for 200 ms a second in all; what does not fit then is left out: a program must not
 * wait, deaf to signals, for somebody to read its log. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);

#endif
