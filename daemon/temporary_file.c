#include "daemon/temporary_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FOLDER "/var/tmp"

int temporary_file_open(struct tutti_error *error)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || *folder == '\0')
        folder = DEFAULT_FOLDER;
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/tutti-XXXXXX", folder);
    if (descriptor < 0 && length > 0 && (size_t)length < sizeof path) {
        descriptor = mkostemp(path, O_CLOEXEC); /* a file system without nameless files */
        if (descriptor >= 0)
            unlink(path);
    }
    char reason[128];
    if (descriptor < 0)
        tutti_error_set(error, TUTTI_ERROR_IO, "cannot make a temporary file in %s: %s", folder,
                        strerror_r(errno, reason, sizeof reason));
    return descriptor;
}

enum tutti_status temporary_file_write(int descriptor, const void *bytes, size_t size,
                                       struct tutti_error *error)
{
    const char *text = bytes;
    for (size_t done = 0; done < size;) {
        ssize_t n = write(descriptor, text + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            char reason[128];
            return tutti_error_set(error, TUTTI_ERROR_IO, "cannot write a temporary file: %s",
                                   strerror_r(errno, reason, sizeof reason));
        }
        done += (size_t)n;
    }
    return TUTTI_OK;
}
