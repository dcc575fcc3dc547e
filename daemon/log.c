#include "daemon/log.h"

#include "common/text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_TEXT_SIZE 1001

/* JOURNAL_STREAM is "DEVICE:INODE" in decimal. Inherited by a program whose output was redirected
 * it is wrong, hence the comparison. */
static bool goes_to_journal(FILE *stream)
{
    const char *text = getenv("JOURNAL_STREAM");
    struct stat file;
    if (text == NULL || fstat(fileno(stream), &file) != 0)
        return false;
    char expected[64];
    snprintf(expected, sizeof expected, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    return strcmp(text, expected) == 0;
}

void log_init(struct log *log, FILE *stream, const char *name, enum log_level level)
{
    *log = (struct log){
        .stream = stream, .name = name, .level = level, .journal = goes_to_journal(stream)};
}

/* So long a line waits for a reader that is behind: many lines at once fill a socket sooner than
 * the liveliest reader comes to run. One that let a line wait in vain is not waited for again until
 * it has read something. */
#define PATIENCE_MS 50

static bool is_clogged_for(int descriptor, int wait_ms)
{
    struct pollfd asked = {.fd = descriptor, .events = POLLOUT};
    return descriptor >= 0 && poll(&asked, 1, wait_ms) == 0;
}

bool log_is_clogged(int descriptor)
{
    return is_clogged_for(descriptor, 0);
}

static bool is_clogged(struct log *log)
{
    const int wait_ms = atomic_load(&log->clogged) ? 0 : PATIENCE_MS;
    const bool clogged = is_clogged_for(fileno(log->stream), wait_ms);
    atomic_store(&log->clogged, clogged);
    return clogged;
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    static const int priority[] = {3, 4, 6, 7}; /* of syslog(3) */
    if (level > log->level || is_clogged(log))
        return;
    char text[LOG_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    text_clean(text);
    if (log->journal)
        fprintf(log->stream, "<%d>%s\n", priority[level], text);
    else if (level == LOG_LEVEL_INFO)
        fprintf(log->stream, "%s: %s\n", log->name, text);
    else
        fprintf(log->stream, "%s: %s: %s\n", log->name, log_level_name(level), text);
    fflush(log->stream);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return names[level];
}
