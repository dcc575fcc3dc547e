#include "daemon/log.h"

#include "common/text.h"
#include "daemon/clock.h"

#include <poll.h>
#include <stdarg.h>
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

/* Many lines at once fill a socket sooner than the liveliest reader comes to run. So long may all
 * lines of a second wait together. */
#define PATIENCE_MS 200

void log_init(struct log *log, FILE *stream, const char *name, enum log_level level)
{
    *log = (struct log){
        .stream = stream,
        .name = name,
        .level = level,
        .journal = goes_to_journal(stream),
        .patience_ms = PATIENCE_MS,
    };
}

/* Also where it is not known, since poll() was interrupted: writing might wait without end. */
static bool is_clogged_for(int descriptor, int wait_ms)
{
    struct pollfd asked = {.fd = descriptor, .events = POLLOUT};
    return descriptor >= 0 && poll(&asked, 1, wait_ms) < 1;
}

bool log_is_clogged(int descriptor)
{
    return is_clogged_for(descriptor, 0);
}

/* Waits for the reader as long as there is patience left. */
static bool stays_clogged(struct log *log)
{
    const int descriptor = fileno(log->stream);
    if (!log_is_clogged(descriptor))
        return false;
    const uint64_t begin_ns = clock_monotonic_ns();
    if (begin_ns >= atomic_load(&log->renewal_ns)) {
        atomic_store(&log->patience_left_ms, log->patience_ms);
        atomic_store(&log->renewal_ns, begin_ns + CLOCK_NS_PER_S);
    }
    const int wait_ms = atomic_load(&log->patience_left_ms);
    if (wait_ms <= 0)
        return true;
    const bool clogged = is_clogged_for(descriptor, wait_ms);
    const int waited_ms = (int)((clock_monotonic_ns() - begin_ns) / CLOCK_NS_PER_MS) + 1;
    atomic_fetch_sub(&log->patience_left_ms, waited_ms);
    return clogged;
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    static const int priority[] = {3, 4, 6, 7}; /* of syslog(3) */
    if (level > log->level || stays_clogged(log))
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
