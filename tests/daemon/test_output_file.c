#include "daemon/output_file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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

/* It would have to become a file. */
static void a_link_to_nothing_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    assert_int_equal(symlink(f->path, f->link), 0);
    assert_null(output_file_open(f->link, &error));
    assert_non_null(strstr(error.text, "link: No such file or directory"));
    struct stat status;
    assert_int_equal(lstat(f->link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(count(f), 1);
}

static void write_new(const struct fixture *f)
{
    struct tutti_error error;
    struct output_file *file = output_file_open(f->path, &error);
    assert_non_null(file);
    fputs("new", output_file_stream(file));
    assert_int_equal(output_file_commit(file, &error), TUTTI_OK);
}

static void rights_and_owner_stay(void **state)
{
    const struct fixture *f = *state;
    struct stat status;
    static const mode_t modes[] = {0600, 0664, 0640};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_old(f);
        assert_int_equal(chmod(f->path, modes[i]), 0);
        if (geteuid() == 0) /* nobody else may give files away */
            assert_int_equal(chown(f->path, 65534, 65534), 0);
        write_new(f);
        assert_string_equal(content(f), "new");
        assert_int_equal(stat(f->path, &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i]);
        assert_int_equal(status.st_uid, geteuid() == 0 ? 65534 : geteuid());
    }
}

static void what_may_not_be_written_is_not_replaced(void **state)
{
    const struct fixture *f = *state;
    struct tutti_error error;
    bool root = geteuid() == 0; /* who may write everything */
    write_old(f);
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->folder, 0777), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    struct output_file *file = output_file_open(f->path, &error);
    if (root) {
        assert_null(file);
        assert_non_null(strstr(error.text, "result: Permission denied"));
        /* One of somebody else that we may write, but whose owner we cannot give to the new one. */
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(chmod(f->path, 0666), 0);
        assert_int_equal(seteuid(65534), 0);
        file = output_file_open(f->path, &error);
        assert_int_equal(seteuid(0), 0);
        assert_null(file);
        assert_non_null(strstr(error.text, "result: Operation not permitted"));
    }
    assert_null(file);
    assert_string_equal(content(f), "old");
    assert_int_equal(count(f), 1);
}

static void knows_what_it_would_replace(void **state)
{
    const struct fixture *f = *state;
    assert_false(output_file_replaces(f->path, f->path)); /* nothing there */
    write_old(f);
    assert_true(output_file_replaces(f->path, f->path));
    assert_int_equal(symlink(f->path, f->link), 0);
    assert_true(output_file_replaces(f->link, f->path));
    assert_true(output_file_replaces(f->path, f->link));
    assert_int_equal(unlink(f->link), 0);
    assert_int_equal(link(f->path, f->link), 0);
    assert_true(output_file_replaces(f->link, f->path));
    assert_false(output_file_replaces("/dev/null", "/dev/null"));
    assert_false(output_file_replaces(f->path, "/dev/null"));
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
        TEST(a_link_to_nothing_is_refused),
        TEST(rights_and_owner_stay),
        TEST(what_may_not_be_written_is_not_replaced),
        TEST(knows_what_it_would_replace),
        TEST(tells_that_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
