/* model_path.h - where the model is that belongs to this program.
 *
 * Looked for relative to the running program, so that an installed tree can be moved
 * and a build tree works without being installed.
 *
 * No state; any thread.
 */
#ifndef TUTTI_DAEMON_MODEL_PATH_H
#define TUTTI_DAEMON_MODEL_PATH_H

#include "common/status.h"

#include <stddef.h>

#define MODEL_PATH_FILE "tutti-20.safetensors"

/* The first of these files that exists, in path[size]: with DIR the folder of the running
 * program, DIR/../share/tutti/, DIR/../models/ (a build tree), and the data folder that the
 * program was built for. TUTTI_ERROR_NOT_FOUND with a sentence that names them. */
enum tutti_status model_path_find(char *path, size_t size, struct tutti_error *error);

#endif
