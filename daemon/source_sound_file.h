/* source_sound_file.h - what the file source and the demo have in common: a sound
 * file delivered in real time. Private to the two.
 */
#ifndef TUTTI_DAEMON_SOURCE_SOUND_FILE_H
#define TUTTI_DAEMON_SOURCE_SOUND_FILE_H

#include "daemon/sound_file.h"
#include "daemon/source_backend.h"

/* For source_backend.open: takes over the open file, also when it fails. name is shown to people.
 */
enum tutti_status source_sound_file_open(struct source *source, const struct source_config *config,
                                         struct sound_file *file, const char *name, bool repeat,
                                         struct tutti_error *error);

/* For source_backend.start, .stop and .close. */
enum tutti_status source_sound_file_start(struct source *source, struct tutti_error *error);
bool source_sound_file_stop(struct source *source);
void source_sound_file_close(struct source *source);

#endif
