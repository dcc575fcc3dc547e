/* files.h - what the tests of the demo piece read: the truth about it, and the
 * folder it lies in. Whatever is wrong fails the test.
 */
#ifndef TUTTI_TESTS_DEMO_FILES_H
#define TUTTI_TESTS_DEMO_FILES_H

#include <stddef.h>

enum { MAX_ROWS = 64 };

struct row {
    char label[32];
    double on_s;
    double off_s;
};

struct truth {
    double duration_s;
    size_t count;
    struct row rows[MAX_ROWS];
};

/* The value of an environment variable that meson sets. */
const char *need(const char *name);

/* The path of a committed file; valid until the next call. */
const char *committed(const char *name);

/* The whole file, with a 0 after its last byte. The caller frees it. */
unsigned char *read_file(const char *path, size_t *size);

void read_truth(struct truth *truth, const char *path);

#endif
