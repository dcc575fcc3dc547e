/* temporary_file.h - a file without a name, which vanishes with the program.
 *
 * It lies in $TMPDIR, or in /var/tmp (not /tmp, which often is memory).
 *
 * No state; any thread.
 */
#ifndef TUTTI_DAEMON_TEMPORARY_FILE_H
#define TUTTI_DAEMON_TEMPORARY_FILE_H

#include "common/status.h"

#include <stddef.h>

/* Its descriptor, for reading and writing, or -1 with *error filled (may be NULL). Where the file
 * system has no nameless files it loses its name at once. */
int temporary_file_open(struct tutti_error *error);

/* Writes all of it at the descriptor's position. TUTTI_ERROR_IO with *error filled (may be NULL).
 */
enum tutti_status temporary_file_write(int descriptor, const void *bytes, size_t size,
                                       struct tutti_error *error);

#endif
