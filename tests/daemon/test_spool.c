#include "daemon/spool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static char *copied(struct spool *spool, size_t *size)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, size);
    assert_non_null(stream);
    assert_int_equal(spool_copy(spool, stream, NULL), TUTTI_OK);
    fclose(stream);
    return text;
}

/* Writes `total` bytes in pieces of up to `most`, and reads them back, twice. */
static void gives_back(size_t total, size_t most)
{
    struct spool *spool = spool_new();
    char *written = malloc(total + 1);
    for (size_t i = 0; i < total; i++)
        written[i] = (char)(i * 31 + i / 1000);
    for (size_t done = 0, n = 1; done < total; done += n) {
        n = 1 + (n * 7919) % most;
        n = n < total - done ? n : total - done;
        assert_int_equal(spool_write(spool, written + done, n, NULL), TUTTI_OK);
    }
    for (int i = 0; i < 2; i++) {
        size_t size;
        char *text = copied(spool, &size);
        assert_int_equal(size, total);
        assert_memory_equal(text, written, total);
        free(text);
    }
    free(written);
    spool_free(spool);
}

static void gives_back_what_was_written(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   4096,
                                   4097,
                                   SPOOL_MEMORY_BYTES - 1,
                                   SPOOL_MEMORY_BYTES,
                                   SPOOL_MEMORY_BYTES + 1,
                                   3 * SPOOL_MEMORY_BYTES,
                                   1234567};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        gives_back(sizes[i], 200);
        gives_back(sizes[i], 2 * SPOOL_MEMORY_BYTES);
    }
    spool_free(NULL);
}

/* Little needs no file, and therefore no folder for it. */
static void tells_where_it_cannot_write(void **state)
{
    (void)state;
    static const char text[SPOOL_MEMORY_BYTES];
    struct tutti_error error;
    struct spool *spool = spool_new();
    setenv("TMPDIR", "/nowhere/at all", 1);
    assert_int_equal(spool_write(spool, text, sizeof text, &error), TUTTI_OK);
    assert_int_equal(spool_write(spool, text, 1, &error), TUTTI_ERROR_IO);
    assert_string_equal(error.text, "cannot make a temporary file in /nowhere/at all: "
                                    "No such file or directory");
    assert_int_equal(spool_write(spool, text, 1, NULL), TUTTI_ERROR_IO);
    spool_free(spool);
    unsetenv("TMPDIR");
}

/* A full disk, as far as a limit on the size of files stands for one. */
static void tells_of_a_full_disk(void **state)
{
    (void)state;
    static const char text[SPOOL_MEMORY_BYTES];
    struct tutti_error error;
    struct rlimit before;
    struct spool *spool = spool_new();
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {.rlim_cur = 2 * SPOOL_MEMORY_BYTES + 1000, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 3; i++)
        assert_int_equal(spool_write(spool, text, sizeof text, &error), TUTTI_OK);
    assert_int_equal(spool_write(spool, text, 1, &error), TUTTI_ERROR_IO);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_non_null(strstr(error.text, "cannot write a temporary file: "));
    spool_free(spool);
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_written),
        cmocka_unit_test(tells_where_it_cannot_write),
        cmocka_unit_test(tells_of_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
