#include "daemon/piped_file.h"

#include "daemon/temporary_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define ASK_MS 200

/* The bytes that came, 0 at the end, or -1. */
static ssize_t read_some(int from, void *bytes, size_t size, bool (*wanted)(void *context),
                         void *context)
{
    struct pollfd ready = {.fd = from, .events = POLLIN};
    while (wanted(context)) {
        const int count = poll(&ready, 1, ASK_MS);
        if (count == 0 || (count < 0 && errno == EINTR))
            continue;
        const ssize_t n = count < 0 ? -1 : read(from, bytes, size);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN))
            return n;
    }
    errno = ECANCELED;
    return -1;
}

static enum tutti_status copy(int from, int to, const char *name, bool (*wanted)(void *context),
                              void *context, struct tutti_error *error)
{
    char bytes[CHUNK_BYTES];
    ssize_t n;
    while ((n = read_some(from, bytes, sizeof bytes, wanted, context)) > 0) {
        if (temporary_file_write(to, bytes, (size_t)n, error) != TUTTI_OK)
            return TUTTI_ERROR_IO;
    }
    if (n < 0 || lseek(to, 0, SEEK_SET) != 0)
        return tutti_error_set(error, TUTTI_ERROR_IO, "cannot read %s: %m", name);
    return TUTTI_OK;
}

static int keep(int from, const char *name, bool is_regular, bool (*wanted)(void *context),
                void *context, struct tutti_error *error)
{
    int to = -1;
    if (is_regular && lseek(from, 0, SEEK_CUR) == 0) {
        to = fcntl(from, F_DUPFD_CLOEXEC, 0);
        if (to < 0)
            tutti_error_set(error, TUTTI_ERROR_IO, "cannot read %s: %m", name);
        return to;
    }
    to = temporary_file_open(error);
    if (to >= 0 && copy(from, to, name, wanted, context, error) != TUTTI_OK) {
        close(to);
        to = -1;
    }
    return to;
}

int piped_file_open(int from, const char *name, bool (*wanted)(void *context), void *context,
                    struct tutti_error *error)
{
    struct stat status;
    if (fstat(from, &status) != 0)
        tutti_error_set(error, TUTTI_ERROR_IO, "cannot read %s: %m", name);
    else if (S_ISDIR(status.st_mode))
        tutti_error_set(error, TUTTI_ERROR_IO, "%s is a directory, not a sound file", name);
    else if (isatty(from))
        tutti_error_set(error, TUTTI_ERROR_IO, "%s is a terminal, not a sound file", name);
    else
        return keep(from, name, S_ISREG(status.st_mode), wanted, context, error);
    return -1;
}
