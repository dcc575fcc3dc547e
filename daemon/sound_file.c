#include "daemon/sound_file_private.h"

#include "dsp/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a file in memory, as libsndfile asks for it ---- */

static sf_count_t memory_length(void *context)
{
    const struct sound_file *file = context;
    return file->size;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *context)
{
    struct sound_file *file = context;
    const sf_count_t base = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? file->position
                                                 : file->size;
    /* Both are at most 2^63 - 1 and base is not negative, so only the sum of positives can
     * overflow. */
    if (offset > file->size - base || offset < -base)
        return -1;
    file->position = base + offset;
    return file->position;
}

static sf_count_t memory_read(void *to, sf_count_t count, void *context)
{
    struct sound_file *file = context;
    if (count > file->size - file->position)
        count = file->size - file->position;
    if (count <= 0)
        return 0;
    memcpy(to, file->bytes + file->position, (size_t)count);
    file->position += count;
    return count;
}

static sf_count_t memory_write(const void *from, sf_count_t count, void *context)
{
    (void)from;
    (void)count;
    (void)context;
    return 0;
}

static sf_count_t memory_tell(void *context)
{
    const struct sound_file *file = context;
    return file->position;
}

/* ---- opening ---- */

static bool cannot_open(const char *name, struct tutti_error *error)
{
    const enum tutti_status reason =
        errno == ENOENT || errno == ENOTDIR ? TUTTI_ERROR_NOT_FOUND : TUTTI_ERROR_IO;
    tutti_error_set(error, reason, "cannot open the sound file %s: %m", name);
    return false;
}

/* Whether it is a regular file with something in it. */
static bool check_regular(int descriptor, const char *name, struct tutti_error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return cannot_open(name, error);
    if (S_ISDIR(status.st_mode))
        tutti_error_set(error, TUTTI_ERROR_IO, "%s is a directory, not a sound file", name);
    else if (!S_ISREG(status.st_mode))
        tutti_error_set(error, TUTTI_ERROR_IO, "%s is not a regular file; '-' reads standard input",
                        name);
    else if (status.st_size == 0)
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "the sound file %s is empty", name);
    else
        return true;
    return false;
}

/* libsndfile keeps the reason why a file did not open in a global of its own: opening and asking
 * for the reason belong together. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

/* Opens descriptor, or the file in memory if that is negative. */
static enum tutti_status open_locked(struct sound_file *file, int descriptor, const char *name,
                                     struct tutti_error *error)
{
    SF_VIRTUAL_IO memory = {memory_length, memory_seek, memory_read, memory_write, memory_tell};
    enum tutti_status status = TUTTI_OK;
    pthread_mutex_lock(&opening);
    if (descriptor >= 0) /* libsndfile closes it, also when it refuses the file */
        file->file = sf_open_fd(descriptor, SFM_READ, &file->info, SF_TRUE);
    else
        file->file = sf_open_virtual(&memory, SFM_READ, &file->info, file);
    if (file->file == NULL)
        status =
            tutti_error_set(error, TUTTI_ERROR_FORMAT,
                            "%s is not a sound file that can be read: %s (FFmpeg converts most: "
                            "ffmpeg -i FILE sound.wav)",
                            name, sf_strerror(NULL));
    pthread_mutex_unlock(&opening);
    return status;
}

/* Up to size bytes of the file, or of the one in memory if descriptor is negative. */
static size_t peek(const struct sound_file *file, int descriptor, size_t offset,
                   unsigned char *bytes, size_t size)
{
    if (descriptor >= 0) {
        const ssize_t count = pread(descriptor, bytes, size, (off_t)offset);
        return count > 0 ? (size_t)count : 0;
    }
    if (offset >= (size_t)file->size)
        return 0;
    if (size > (size_t)file->size - offset)
        size = (size_t)file->size - offset;
    memcpy(bytes, file->bytes + offset, size);
    return size;
}

/* Whether an MP3 file says how long it is: its first frame, behind the ID3v2 tag, then holds "Xing"
 * or "Info", four bytes, and in the last of these a bit for the number of frames. For others
 * libsndfile guesses, from the size of the file and of the first frame. */
static bool mp3_states_length(const struct sound_file *file, int descriptor)
{
    unsigned char head[256];
    size_t offset = 0;
    if (peek(file, descriptor, 0, head, 10) == 10 && memcmp(head, "ID3", 3) == 0)
        offset = 10 + ((size_t)(head[6] & 127) << 21 | (size_t)(head[7] & 127) << 14 |
                       (size_t)(head[8] & 127) << 7 | (size_t)(head[9] & 127));
    const size_t size = peek(file, descriptor, offset, head, sizeof head);
    for (size_t i = 0; i + 8 <= size; i++) {
        if ((memcmp(head + i, "Xing", 4) == 0 || memcmp(head + i, "Info", 4) == 0) &&
            (head[i + 7] & 1) != 0)
            return true;
    }
    return false;
}

#define OGG_HEADER 27 /* bytes of a page, before its table of lengths */
#define OGG_PAGE_MAX (OGG_HEADER + 255 + 255 * 255) /* bytes */
#define OGG_LAST 4                                  /* the flag of a stream's last page */

/* The length of the page that begins at bytes, of which there are size; 0: it is not there to its
 * end. */
static size_t ogg_page_length(const unsigned char *bytes, size_t size)
{
    if (size < OGG_HEADER || memcmp(bytes, "OggS", 4) != 0 || size < OGG_HEADER + (size_t)bytes[26])
        return 0;
    size_t length = OGG_HEADER + (size_t)bytes[26];
    for (size_t i = 0; i < bytes[26]; i++)
        length += bytes[OGG_HEADER + i];
    return length <= size ? length : 0;
}

/* Looks at the last page of an Ogg file, whatever lies behind it: whether it is there to its end
 * and says that it is the last one. */
static void look_at_ogg_end(struct sound_file *file, int descriptor)
{
    enum { TAIL = 2 * OGG_PAGE_MAX };
    struct stat status = {.st_size = (off_t)file->size};
    unsigned char *tail = malloc(TAIL);
    if (tail == NULL || (descriptor >= 0 && fstat(descriptor, &status) != 0)) {
        free(tail);
        return; /* nothing is claimed */
    }
    const size_t begin = status.st_size > TAIL ? (size_t)status.st_size - TAIL : 0;
    const size_t size = peek(file, descriptor, begin, tail, TAIL);
    size_t at = size >= 4 ? size - 4 : 0;
    while (at > 0 && memcmp(tail + at, "OggS", 4) != 0)
        at--;
    const size_t length = ogg_page_length(tail + at, size - at);
    file->behind = length > 0 ? size - at - length : 0;
    file->end_missing = length == 0 || (tail[at + 5] & OGG_LAST) == 0;
    free(tail);
}

/* Opens it, and refuses what libsndfile opened but nothing behind it can use. */
static struct sound_file *open_checked(struct sound_file *file, int descriptor, const char *name,
                                       struct tutti_error *error)
{
    const SF_INFO *info = &file->info;
    const bool states_length = mp3_states_length(file, descriptor); /* whatever it is */
    if (open_locked(file, descriptor, name, error) != TUTTI_OK) {
        sound_file_close(file);
        return NULL;
    }
    if (sound_file_is_ogg(file))
        look_at_ogg_end(file, descriptor);
    file->states_length = states_length && (info->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG;
    if (info->samplerate < (int)CONVERT_MIN_RATE_HZ || info->samplerate > (int)CONVERT_MAX_RATE_HZ)
        tutti_error_set(error, TUTTI_ERROR_UNSUPPORTED,
                        "the sound file %s has %d samples a second; it may be %u to %u", name,
                        info->samplerate, CONVERT_MIN_RATE_HZ, CONVERT_MAX_RATE_HZ);
    else if (info->channels < 1 || info->channels > (int)CONVERT_MAX_CHANNELS)
        tutti_error_set(error, TUTTI_ERROR_UNSUPPORTED,
                        "the sound file %s has %d channels; it may be 1 to %u", name,
                        info->channels, CONVERT_MAX_CHANNELS);
    else if (info->frames == 0)
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "there is no sound in the file %s", name);
    else
        return file;
    sound_file_close(file);
    return NULL;
}

static struct sound_file *allocate(struct tutti_error *error)
{
    struct sound_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for a sound file");
    return file;
}

struct sound_file *sound_file_open_descriptor(int descriptor, const char *name,
                                              struct tutti_error *error)
{
    struct sound_file *file = NULL;
    if (check_regular(descriptor, name, error))
        file = allocate(error);
    if (file == NULL) {
        close(descriptor);
        return NULL;
    }
    return open_checked(file, descriptor, name, error);
}

struct sound_file *sound_file_open(const char *path, struct tutti_error *error)
{
    /* Without O_NONBLOCK a named pipe would keep us waiting. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        cannot_open(path, error);
        return NULL;
    }
    return sound_file_open_descriptor(descriptor, path, error);
}

struct sound_file *sound_file_open_memory(const void *bytes, size_t size, const char *name,
                                          struct tutti_error *error)
{
    struct sound_file *file = allocate(error);
    if (file == NULL)
        return NULL;
    file->bytes = bytes;
    file->size = (sf_count_t)size;
    return open_checked(file, -1, name, error);
}

void sound_file_close(struct sound_file *file)
{
    if (file == NULL)
        return;
    if (file->file != NULL)
        sf_close(file->file);
    free(file);
}

unsigned sound_file_rate_hz(const struct sound_file *file)
{
    return (unsigned)file->info.samplerate;
}

unsigned sound_file_channels(const struct sound_file *file)
{
    return (unsigned)file->info.channels;
}

uint64_t sound_file_frames(const struct sound_file *file)
{
    /* libsndfile gives the largest count where it does not know. */
    return file->info.frames > 0 && file->info.frames != SF_COUNT_MAX ? (uint64_t)file->info.frames
                                                                      : 0;
}

size_t sound_file_read(struct sound_file *file, float *interleaved, size_t frames)
{
    if (file->failed || frames == 0)
        return 0;
    const sf_count_t read = sf_readf_float(file->file, interleaved, (sf_count_t)frames);
    if (read < (sf_count_t)frames && sf_error(file->file) != SF_ERR_NO_ERROR)
        file->failed = true;
    file->read += read > 0 ? (uint64_t)read : 0;
    return read > 0 ? (size_t)read : 0;
}

bool sound_file_failed(const struct sound_file *file)
{
    return file->failed;
}

bool sound_file_rewind(struct sound_file *file)
{
    if (file->failed || sf_seek(file->file, 0, SEEK_SET) != 0)
        return false;
    file->read = 0;
    return true;
}
