/* piped_file.h - a file that comes through a pipe, for those who have to seek in it.
 *
 * What comes is kept in a temporary file (daemon/temporary_file.h) up to its end, however much
 * it is; the disk is the bound. A file that was redirected is taken as it is.
 *
 * No state; any thread.
 */
#ifndef TUTTI_DAEMON_PIPED_FILE_H
#define TUTTI_DAEMON_PIPED_FILE_H

#include "common/status.h"

#include <stdbool.h>

/* Reads descriptor `from` to its end and returns one of a regular file with what came, at its
 * beginning. -1 with *error filled (may be NULL): reading or the temporary file failed, from is a
 * terminal or a directory, or wanted(context), which is asked several times a second, said no. name
 * stands for it in messages. */
int piped_file_open(int from, const char *name, bool (*wanted)(void *context), void *context,
                    struct tutti_error *error);

#endif
