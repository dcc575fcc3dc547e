#include "daemon/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What was written to stream so far. */
static const char *written(FILE *stream, char *text, size_t size)
{
    rewind(stream);
    text[fread(text, 1, size - 1, stream)] = '\0';
    return text;
}

static void drops_what_is_less_urgent(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    FILE *stream = tmpfile();
    char text[4096];
    struct log log;
    log_init(&log, stream, "tuttid", LOG_LEVEL_WARNING);
    log_write(&log, LOG_LEVEL_DEBUG, "debug");
    log_write(&log, LOG_LEVEL_INFO, "info");
    assert_string_equal(written(stream, text, sizeof text), "");
    log_write(&log, LOG_LEVEL_WARNING, "the %s", "second");
    log_write(&log, LOG_LEVEL_ERROR, "the %d", 1);
    assert_string_equal(written(stream, text, sizeof text),
                        "tuttid: warning: the second\ntuttid: error: the 1\n");
    fclose(stream);
}

static void keeps_a_message_on_one_line(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    FILE *stream = tmpfile();
    char text[4096];
    struct log log;
    log_init(&log, stream, "tuttid", LOG_LEVEL_INFO);
    log_write(&log, LOG_LEVEL_INFO, "%s", "two\nlines \033[31mred\177 \xc3\xa9");
    assert_string_equal(written(stream, text, sizeof text),
                        "tuttid: two?lines ?[31mred? \xc3\xa9\n");
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    log_write(&log, LOG_LEVEL_INFO, "%s", long_text);
    written(stream, text, sizeof text);
    assert_int_equal(strlen(strstr(text, "xxx")), 1001);
    fclose(stream);
}

static void speaks_to_the_journal_with_priorities(void **state)
{
    (void)state;
    FILE *stream = tmpfile();
    struct stat file;
    assert_int_equal(fstat(fileno(stream), &file), 0);
    char name[64];
    char text[4096];
    struct log log;

    snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    setenv("JOURNAL_STREAM", name, 1);
    log_init(&log, stream, "tuttid", LOG_LEVEL_DEBUG);
    assert_true(log.journal);
    log_write(&log, LOG_LEVEL_ERROR, "a");
    log_write(&log, LOG_LEVEL_WARNING, "b");
    log_write(&log, LOG_LEVEL_INFO, "c");
    log_write(&log, LOG_LEVEL_DEBUG, "d");
    assert_string_equal(written(stream, text, sizeof text), "<3>a\n<4>b\n<6>c\n<7>d\n");

    /* Redirected elsewhere than to the journal that the variable names. */
    snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino + 1);
    setenv("JOURNAL_STREAM", name, 1);
    log_init(&log, stream, "tuttid", LOG_LEVEL_DEBUG);
    assert_false(log.journal);
    unsetenv("JOURNAL_STREAM");
    fclose(stream);
}

/* Nobody reads the pipe that it writes to, until somebody does. */
static void waits_for_nobody_who_reads(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    FILE *stream = fdopen(ends[1], "w");
    struct log log;
    log_init(&log, stream, "tuttid", LOG_LEVEL_INFO);
    for (int i = 0; i < 300; i++)
        log_write(&log, LOG_LEVEL_INFO, "a line of thirty bytes, %05d", i);
    assert_true(log.patience_left_ms <= 0); /* which they had in common */
    char text[8192];
    ssize_t length = read(ends[0], text, sizeof text - 1);
    assert_in_range(length, 1, 4096);
    text[length] = '\0';
    assert_ptr_equal(strstr(text, "tuttid: a line of thirty bytes, 00000\n"), text);
    log_write(&log, LOG_LEVEL_INFO, "somebody reads");
    length = read(ends[0], text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    assert_string_equal(text, "tuttid: somebody reads\n");
    fclose(stream);
    close(ends[0]);
}

struct reader {
    int end;
    useconds_t late_us;
    unsigned lines;
};

/* Comes late, and again and again not at once. */
static void *read_slowly(void *context)
{
    struct reader *reader = context;
    char text[1000];
    ssize_t length;
    usleep(reader->late_us);
    while ((length = read(reader->end, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < length; i++)
            reader->lines += text[i] == '\n';
        usleep(200);
    }
    return NULL;
}

/* Writes lines to a socket, which as the journal's takes far fewer lines than bytes, whose reader
 * comes late. Returns how many were read. */
static unsigned lines_read(struct log *log, unsigned lines)
{
    int ends[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct reader reader = {.end = ends[0], .late_us = 20000};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    log->stream = fdopen(ends[1], "w");
    for (unsigned i = 0; i < lines; i++)
        log_write(log, LOG_LEVEL_INFO, "s%u: listening to sound.wav", i);
    fclose(log->stream);
    pthread_join(thread, NULL);
    close(ends[0]);
    return reader.lines;
}

static void waits_for_a_reader_that_is_behind(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, stderr, "tuttid", LOG_LEVEL_INFO);
    log.patience_ms = 600000;
    assert_int_equal(lines_read(&log, 2000), 2000);
}

static void has_patience_again_a_second_later(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, stderr, "tuttid", LOG_LEVEL_INFO);
    log.patience_ms = 600000;
    log.patience_left_ms = 0;
    log.renewal_ns = 1; /* which is past */
    assert_int_equal(lines_read(&log, 2000), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_what_is_less_urgent),
        cmocka_unit_test(keeps_a_message_on_one_line),
        cmocka_unit_test(speaks_to_the_journal_with_priorities),
        cmocka_unit_test(waits_for_nobody_who_reads),
        cmocka_unit_test(waits_for_a_reader_that_is_behind),
        cmocka_unit_test(has_patience_again_a_second_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
