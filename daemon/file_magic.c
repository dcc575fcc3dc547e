#include "daemon/file_magic.h"

#include <stddef.h>

/* A '?' in the pattern is any byte. */
static const struct {
    const char *pattern;
    const char *name;
} kinds[] = {
    {"OggS", "an Ogg file"},
    {"fLaC", "a FLAC file"},
    {"ID3", "an MP3 file"},
    {"RIFF????WAVE", "a WAV file"},
    {"RF64????WAVE", "a WAV file"},
    {"FORM????AIFF", "an AIFF file"},
    {"FORM????AIFC", "an AIFF file"},
    {"????ftyp", "an MP4 file"},
    {"\x1a\x45\xdf\xa3", "a Matroska or WebM file"},
};

const char *file_magic_name(const unsigned char bytes[FILE_MAGIC_BYTES])
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *pattern = kinds[i].pattern;
        size_t matching = 0;
        while (pattern[matching] != '\0' &&
               (pattern[matching] == '?' || (unsigned char)pattern[matching] == bytes[matching]))
            matching++;
        if (pattern[matching] == '\0')
            return kinds[i].name;
    }
    return NULL;
}
