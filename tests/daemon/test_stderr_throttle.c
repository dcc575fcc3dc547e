#include "daemon/stderr_throttle.h"

#include "daemon/clock.h"
#include "daemon/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A file in the place of descriptor 2. */
struct capture {
    FILE *file;
    int saved;
};

static struct capture begin_capture(void)
{
    struct capture capture = {.file = tmpfile(), .saved = dup(STDERR_FILENO)};
    assert_non_null(capture.file);
    fflush(stderr);
    dup2(fileno(capture.file), STDERR_FILENO);
    return capture;
}

/* What was written to descriptor 2; to be freed. */
static char *end_capture(struct capture *capture)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    fseek(capture->file, 0, SEEK_END);
    const long size = ftell(capture->file);
    rewind(capture->file);
    char *text = calloc((size_t)size + 1, 1);
    assert_int_equal(fread(text, 1, (size_t)size, capture->file), size);
    fclose(capture->file);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void passes_on_what_is_little(void **state)
{
    (void)state;
    struct capture capture = begin_capture();
    struct stderr_throttle *throttle = stderr_throttle_begin(10, 100);
    assert_non_null(throttle);
    fprintf(stderr, "one %d\n", 1);
    fputs("two\n", stderr);
    fputs("and without an end", stderr);
    stderr_throttle_end(throttle);
    fputs("|", stderr);
    char *text = end_capture(&capture);
    assert_string_equal(text, "one 1\ntwo\nand without an end|");
    free(text);
}

/* A flood: the first lines, a word about the rest, and no more than that each second. */
static void holds_back_a_flood(void **state)
{
    (void)state;
    enum { LINES = 200000, LIMIT = 10 };
    struct capture capture = begin_capture();
    struct stderr_throttle *throttle = stderr_throttle_begin(LIMIT, LINES);
    const uint64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < LINES; i++)
        fprintf(stderr, "line %d\n", i);
    const uint64_t seconds = (clock_monotonic_ns() - start_ns) / CLOCK_NS_PER_S + 1;
    stderr_throttle_end(throttle);
    char *text = end_capture(&capture);
    assert_in_range(count_lines(text), LIMIT + 2, seconds * (LIMIT + 2));
    assert_memory_equal(text, "line 0\nline 1\n", 14);
    assert_non_null(strstr(text, "line 9\n("));
    assert_non_null(strstr(text, "left out"));
    free(text);
}

/* Never many in a second, but too many in an hour: how many, it says at the end. */
static void holds_back_what_goes_on_and_on(void **state)
{
    (void)state;
    struct capture capture = begin_capture();
    struct stderr_throttle *throttle = stderr_throttle_begin(1000, 3);
    for (int i = 0; i < 10; i++)
        fprintf(stderr, "line %d\n", i);
    stderr_throttle_end(throttle);
    char *text = end_capture(&capture);
    assert_string_equal(text, "line 0\nline 1\nline 2\n"
                              "(more than can be of use; what follows is left out)\n"
                              "(7 lines were left out)\n");
    free(text);
}

static void leaves_the_descriptor_and_the_old_stream_alone(void **state)
{
    (void)state;
    FILE *own = stderr;
    struct capture capture = begin_capture();
    struct stderr_throttle *throttle = stderr_throttle_begin(1, 100);
    for (int i = 0; i < 5; i++) {
        fputs("own\n", own);
        assert_int_equal(write(STDERR_FILENO, "raw\n", 4), 4);
    }
    stderr_throttle_end(throttle);
    stderr_throttle_end(NULL);
    char *text = end_capture(&capture);
    assert_int_equal(count_lines(text), 10);
    assert_ptr_equal(stderr, own);
    free(text);
}

static void *print_much(void *context)
{
    for (int i = 0; i < 10000; i++)
        fprintf(stderr, "%s\n", (const char *)context);
    return NULL;
}

static void takes_several_threads(void **state)
{
    (void)state;
    struct capture capture = begin_capture();
    struct stderr_throttle *throttle = stderr_throttle_begin(100, 100000);
    pthread_t threads[2];
    static char names[2][2] = {"a", "b"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(thread_start(&threads[i], "printer", print_much, names[i], NULL),
                         TUTTI_OK);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    stderr_throttle_end(throttle);
    char *text = end_capture(&capture);
    assert_in_range(count_lines(text), 101, 20000 - 1);
    free(text);
}

/* Also where it leaves its line without an end, or has that in front. */
static void silences_the_decoder_alone(void **state)
{
    (void)state;
    struct capture capture = begin_capture();
    char lengthy[300];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    struct stderr_throttle *throttle = stderr_throttle_begin_silence();
    assert_non_null(throttle);
    fprintf(stderr, "Note: Illegal header 0x%08x\n", 7);
    fprintf(stderr, "%s: %s\n", "prog", lengthy);
    fputs("Warning: and without an end", stderr);
    fprintf(stderr, "\nWarning: big change, frame %d\n", 3);
    fprintf(stderr, "[%s:%s():%i] error: %s\n", "src/libmpg123/layer3.c", "do_layer3", 1, "bad");
    fprintf(stderr, "\n[../src/libmpg123/parse.c:%d] error: bad\n", 1);
    fprintf(stderr, "prog: test.c:%d: f: Assertion `x' failed.\n", 2);
    fputs("[src/other.c:7] libmpg123/ is no part of it\n", stderr);
    fputs("[", stderr);
    fputs("\n", stderr);
    fputs("Not", stderr);
    stderr_throttle_end(throttle);
    fputs("|", stderr);
    char *text = end_capture(&capture);
    char expected[600];
    snprintf(expected, sizeof expected,
             "prog: %s\nprog: test.c:2: f: Assertion `x' failed.\n"
             "[src/other.c:7] libmpg123/ is no part of it\n[\nNot|",
             lengthy);
    assert_string_equal(text, expected);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_on_what_is_little),
        cmocka_unit_test(holds_back_a_flood),
        cmocka_unit_test(holds_back_what_goes_on_and_on),
        cmocka_unit_test(leaves_the_descriptor_and_the_old_stream_alone),
        cmocka_unit_test(takes_several_threads),
        cmocka_unit_test(silences_the_decoder_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
