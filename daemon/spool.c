#include "daemon/spool.h"

#include "daemon/temporary_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BYTES 4096

struct spool {
    char *text; /* [room], what is not in the file */
    size_t room;
    size_t length;
    int file; /* -1: none yet */
};

struct spool *spool_new(void)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (spool != NULL)
        spool->file = -1;
    return spool;
}

void spool_free(struct spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->file >= 0)
        close(spool->file);
    free(spool->text);
    free(spool);
}

static enum tutti_status empty_into_file(struct spool *spool, struct tutti_error *error)
{
    if (spool->file < 0)
        spool->file = temporary_file_open(error);
    if (spool->file < 0)
        return TUTTI_ERROR_IO;
    enum tutti_status status = temporary_file_write(spool->file, spool->text, spool->length, error);
    if (status == TUTTI_OK)
        spool->length = 0;
    return status;
}

/* Room for at least one byte more, without going beyond what may be in memory. */
static enum tutti_status make_room(struct spool *spool, struct tutti_error *error)
{
    if (spool->length < spool->room)
        return TUTTI_OK;
    if (spool->room == SPOOL_MEMORY_BYTES)
        return empty_into_file(spool, error);
    size_t room = spool->room == 0 ? FIRST_BYTES : 2 * spool->room;
    room = room < SPOOL_MEMORY_BYTES ? room : SPOOL_MEMORY_BYTES;
    char *grown = realloc(spool->text, room);
    if (grown == NULL)
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the output");
    spool->text = grown;
    spool->room = room;
    return TUTTI_OK;
}

enum tutti_status spool_write(struct spool *spool, const char *text, size_t length,
                              struct tutti_error *error)
{
    while (length > 0) {
        enum tutti_status status = make_room(spool, error);
        if (status != TUTTI_OK)
            return status;
        size_t room = spool->room - spool->length;
        size_t n = length < room ? length : room;
        memcpy(spool->text + spool->length, text, n);
        spool->length += n;
        text += n;
        length -= n;
    }
    return TUTTI_OK;
}

static enum tutti_status copy_file(struct spool *spool, FILE *stream, struct tutti_error *error)
{
    char text[16384];
    off_t at = 0;
    ssize_t n;
    while ((n = pread(spool->file, text, sizeof text, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            char reason[128];
            return tutti_error_set(error, TUTTI_ERROR_IO, "cannot read a temporary file: %s",
                                   strerror_r(errno, reason, sizeof reason));
        }
        fwrite(text, 1, (size_t)n, stream);
        at += n;
    }
    return TUTTI_OK;
}

enum tutti_status spool_copy(struct spool *spool, FILE *stream, struct tutti_error *error)
{
    enum tutti_status status = spool->file >= 0 ? copy_file(spool, stream, error) : TUTTI_OK;
    if (status == TUTTI_OK && spool->length > 0)
        fwrite(spool->text, 1, spool->length, stream);
    return status;
}
