#include "daemon/output_file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    char path[80];
    char link[80];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/tutti-output-XXXXXX");
    *state = f;
    if (mkdtemp(f->folder) == NULL)
        return -1;
    snprintf(f->path, sizeof f->path, "%s/result", f->folder);
    snprintf(f->link, sizeof f->link, "%s/link", f->folder);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    unlink(f->link);
    int left = rmdir(f->folder);
    free(f);
    return left;
}

/* Files in the folder. */
static size_t count(const struct fixture *f)
{
    size_t files = 0;
    DIR *folder = opendir(f->folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        files += entry->d_name[0] != '.';
    closedir(folder);
    return files;
}

static void write_old(const struct fixture *f)
{
    FILE *stream = fopen(f->path, "w");
    fputs("old", stream);
    fclose(stream);
}

static const char *content(const struct fixture *f)
{
    static char text[64];
    FILE *stream = fopen(f->path, "r");
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    return text;
}

static void refuses_what_cannot_be_written(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    assert_null(output_file_open(f->folder, &error));
    assert_non_null(strstr(error.text, "Is a directory"));
    assert_null(output_file_open("", &error));
    char path[128];
    snprintf(path, sizeof path, "%s/missing/result", f->folder);
    assert_null(output_file_open(path, &error));
    assert_non_null(strstr(error.text, "missing/result: No such file or directory"));
    char *longest = calloc(1, 8192);
    memset(longest, 'x', 8191);
    assert_null(output_file_open(longest, NULL));
    free(longest);
    assert_int_equal(count(f), 0);
    output_file_discard(NULL);
}

static void appears_when_it_is_complete(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    write_old(f);
    struct output_file *file = output_file_open(f->path, &error);
    assert_non_null(file);
    fputs("new", output_file_stream(file));
    fflush(output_file_stream(file));
    assert_string_equal(content(f), "old");
    assert_int_equal(output_file_commit(file, &error), TUTTI_OK);
    assert_string_equal(content(f), "new");
    assert_int_equal(count(f), 1);
}

static void is_as_readable_as_any_new_file(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    mode_t before = umask(027);
    struct output_file *file = output_file_open(f->path, &error);
    assert_int_equal(output_file_commit(file, &error), TUTTI_OK);
    umask(before);
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
}

static void leaves_nothing_when_discarded(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    write_old(f);
    struct output_file *file = output_file_open(f->path, &error);
    fputs("new", output_file_stream(file));
    output_file_discard(file);
    assert_string_equal(content(f), "old");
    assert_int_equal(count(f), 1);
}

static void a_link_stays_a_link(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    write_old(f);
    assert_int_equal(symlink(f->path, f->link), 0);
    struct output_file *file = output_file_open(f->link, &error);
    fputs("new", output_file_stream(file));
    assert_int_equal(output_file_commit(file, &error), TUTTI_OK);
    struct stat status;
    assert_int_equal(lstat(f->link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_string_equal(content(f), "new");
}

/* /dev/full accepts a file being opened and nothing else. */
static void tells_that_the_disk_is_full(void **state)
{
    (void)state;
    struct tutti_error error;
    struct output_file *file = output_file_open("/dev/full", &error);
    assert_non_null(file);
    fputs("new", output_file_stream(file));
    assert_int_equal(output_file_commit(file, &error), TUTTI_ERROR_IO);
    assert_string_equal(error.text, "cannot write /dev/full: No space left on device");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_cannot_be_written),
        TEST(appears_when_it_is_complete),
        TEST(is_as_readable_as_any_new_file),
        TEST(leaves_nothing_when_discarded),
        TEST(a_link_stays_a_link),
        TEST(tells_that_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
