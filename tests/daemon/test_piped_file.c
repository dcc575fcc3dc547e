#include "daemon/piped_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE 300001 /* more than a pipe holds */

static bool always(void *context)
{
    (void)context;
    return true;
}

static bool thrice(void *context)
{
    return (*(unsigned *)context)++ < 3;
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + i / 1000);
}

static void *write_all(void *context)
{
    const int to = *(int *)context;
    unsigned char *bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = byte_at(i);
    for (size_t done = 0; done < SIZE;) {
        const ssize_t n = write(to, bytes + done, SIZE - done < 7777 ? SIZE - done : 7777);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    free(bytes);
    close(to);
    return NULL;
}

/* A pipe into which SIZE bytes come; the thread ends once they are read or nobody reads. */
static int begin_pipe(pthread_t *writer, int *to)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *to = ends[1];
    assert_int_equal(pthread_create(writer, NULL, write_all, to), 0);
    return ends[0];
}

static void keeps_what_comes_through_a_pipe(void **state)
{
    (void)state;
    pthread_t writer;
    int to;
    const int from = begin_pipe(&writer, &to);
    const int file = piped_file_open(from, "it", always, NULL, NULL);
    assert_true(file >= 0);
    pthread_join(writer, NULL);
    unsigned char *bytes = malloc(SIZE + 1);
    assert_int_equal(read(file, bytes, SIZE + 1), SIZE);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(bytes[i], byte_at(i));
    assert_int_equal(lseek(file, 0, SEEK_SET), 0); /* it can seek */
    free(bytes);
    close(file);
    close(from);
}

static void takes_a_file_as_it_is(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    fputs("sound", file);
    rewind(file);
    char text[8] = "";
    const int taken = piped_file_open(fileno(file), "it", always, NULL, NULL);
    assert_true(taken >= 0 && taken != fileno(file));
    assert_int_equal(read(taken, text, sizeof text), 5);
    assert_string_equal(text, "sound");
    close(taken);
    /* Of one that is read already only the rest. */
    assert_int_equal(lseek(fileno(file), 2, SEEK_SET), 2);
    const int rest = piped_file_open(fileno(file), "it", always, NULL, NULL);
    assert_int_equal(read(rest, text, sizeof text), 3);
    assert_memory_equal(text, "und", 3);
    close(rest);
    fclose(file);
}

static void gives_up_when_it_is_not_wanted(void **state)
{
    (void)state;
    struct tutti_error error;
    int ends[2];
    unsigned asked = 0;
    assert_int_equal(pipe(ends), 0); /* into which nothing comes */
    assert_int_equal(piped_file_open(ends[0], "it", thrice, &asked, &error), -1);
    assert_int_equal(error.status, TUTTI_ERROR_IO);
    close(ends[0]);
    close(ends[1]);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    struct tutti_error error;
    const int folder = open("/", O_RDONLY);
    assert_int_equal(piped_file_open(folder, "it", always, NULL, &error), -1);
    assert_string_equal(error.text, "it is a directory, not a sound file");
    close(folder);
    assert_int_equal(piped_file_open(folder, "it", always, NULL, &error), -1);
    assert_string_equal(error.text, "cannot read it: Bad file descriptor");
    assert_int_equal(piped_file_open(folder, "it", always, NULL, NULL), -1);
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0)
        skip();
    assert_int_equal(piped_file_open(terminal, "it", always, NULL, &error), -1);
    assert_string_equal(error.text, "it is a terminal, not a sound file");
    close(terminal);
}

static void tells_when_the_disk_is_full(void **state)
{
    (void)state;
    struct tutti_error error;
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    pthread_t writer;
    int to;
    const int from = begin_pipe(&writer, &to);
    assert_int_equal(piped_file_open(from, "it", always, NULL, &error), -1);
    assert_string_equal(error.text, "cannot write a temporary file: File too large");
    close(from);
    pthread_join(writer, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_comes_through_a_pipe),
        cmocka_unit_test(takes_a_file_as_it_is),
        cmocka_unit_test(gives_up_when_it_is_not_wanted),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(tells_when_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
