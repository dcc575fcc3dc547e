/* output_file.h - a file that is written whole or not at all.
 *
 * What is written goes into a temporary file beside the target, which takes its
 * name only when everything is on the disk. So a reader never sees half a result,
 * and what was there before survives a failure.
 *
 * Threads: one output file belongs to one thread.
 */
#ifndef TUTTI_DAEMON_OUTPUT_FILE_H
#define TUTTI_DAEMON_OUTPUT_FILE_H

#include "common/status.h"

#include <stdbool.h>
#include <stdio.h>

struct output_file; /* opaque */

/* Whether writing `path` would replace the regular file that `other` names, by whatever link. */
bool output_file_replaces(const char *path, const char *other);

/* Begins to write what is to become `path`. A regular file that exists has to be writable; its
 * owner, group and mode (not its ACL) pass to the new one, and it is refused where they cannot. A
 * link stays, and what it points to is replaced; one that points to nothing is refused. A target
 * that exists and is no regular file, such as /dev/stdout or a pipe, is written to directly. NULL
 * with *error filled. */
struct output_file *output_file_open(const char *path, struct tutti_error *error);

/* The stream to write to; not to be closed. */
FILE *output_file_stream(struct output_file *file);

/* Gives the file its name. On failure nothing is left behind. Frees it either way. */
enum tutti_status output_file_commit(struct output_file *file, struct tutti_error *error);

/* Drops what was written. NULL is fine. */
void output_file_discard(struct output_file *file);

#endif
