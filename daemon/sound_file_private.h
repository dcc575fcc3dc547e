/* sound_file_private.h - what the parts of a sound file share. For sound_file*.c alone.
 *
 *   sound_file.c        opens and reads
 *   sound_file_loss.c   whether sound is missing
 */
#ifndef TUTTI_DAEMON_SOUND_FILE_PRIVATE_H
#define TUTTI_DAEMON_SOUND_FILE_PRIVATE_H

#include "daemon/sound_file.h"

#include <sndfile.h>

struct sound_file {
    SNDFILE *file;
    SF_INFO info;
    const unsigned char *bytes; /* of a file in memory */
    sf_count_t size;
    sf_count_t position;
    bool failed;
    bool states_length; /* of MP3: so, and libsndfile does not guess */
    bool end_missing;   /* of Ogg: the mark of the end */
    size_t behind;      /* of Ogg: bytes behind the last whole page, which are none of the sound */
    uint64_t read;      /* frames, since the beginning */
};

static inline bool sound_file_is_ogg(const struct sound_file *file)
{
    return (file->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG;
}

#endif
