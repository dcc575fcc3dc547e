/* spool.h - text that is written now and wanted later: kept in memory while it is
 * little, and in a temporary file once it is more.
 *
 * The file is one of daemon/temporary_file.h.
 *
 * Threads: one spool belongs to one thread at a time.
 */
#ifndef TUTTI_DAEMON_SPOOL_H
#define TUTTI_DAEMON_SPOOL_H

#include "common/status.h"

#include <stddef.h>
#include <stdio.h>

#define SPOOL_MEMORY_BYTES 262144 /* in memory at most */

struct spool; /* opaque */

/* NULL if memory is short. */
struct spool *spool_new(void);

/* NULL is fine. */
void spool_free(struct spool *spool);

/* Appends text. TUTTI_ERROR_IO or TUTTI_ERROR_MEMORY with *error filled (may be NULL); the spool is
 * of no more use then. */
enum tutti_status spool_write(struct spool *spool, const char *text, size_t length,
                              struct tutti_error *error);

/* Writes all of it to a stream, whose own errors are told by ferror(). TUTTI_ERROR_IO with *error
 * filled (may be NULL) if it cannot be read back. */
enum tutti_status spool_copy(struct spool *spool, FILE *stream, struct tutti_error *error);

#endif
