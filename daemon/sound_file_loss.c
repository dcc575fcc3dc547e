#include "daemon/sound_file_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A header is written before the sound. Where it could not be completed afterwards, in a pipe, it
 * says something near the most that is possible (SoX 0x7ffff000, arecord 0x7fffffff, FFmpeg
 * 0xffffffff). */
#define UNKNOWN_LENGTH_BYTES 0x7ff00000
#define UNKNOWN_SIZE_BYTES (1ULL << 62) /* where a size has 64 bits */
#define W64_CHUNK_HEAD 24               /* bytes of a chunk's name and size */
#define LEAST_SHOWN_S 0.01              /* less does not show in what is said */
#define LEAST_LOSS_S 0.5                /* encoders are a little off in what they promise */

/* What of the sound is missing, and how that was found. */
struct loss {
    double header_s; /* what a header promises that is followed by less; 0: no such thing */
    double position; /* 0 to 1: where in the file a decoder passed over something; -1: nowhere */
};

/* Bytes of a frame as it is stored; 0: a coding without any such. */
static unsigned frame_bytes(const struct sound_file *file)
{
    const unsigned channels = (unsigned)file->info.channels;
    switch (file->info.format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
        return channels;
    case SF_FORMAT_PCM_16:
        return 2 * channels;
    case SF_FORMAT_PCM_24:
        return 3 * channels;
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
        return 4 * channels;
    case SF_FORMAT_DOUBLE:
        return 8 * channels;
    default:
        return 0;
    }
}

/* Whether what was read can have come from so many bytes. */
static bool is_as_read(const struct sound_file *file, unsigned long long bytes)
{
    const unsigned block = frame_bytes(file);
    const unsigned long long least = file->read * block;
    if (block > 0)
        return bytes >= least && bytes - least < block + 8; /* AIFF counts 8 of its own */
    const double samples = (double)file->read * file->info.channels;
    return samples >= (double)bytes && samples <= 8 * (double)bytes; /* 1 to 8 bits each */
}

/* A number behind a word; NULL if it is not there, otherwise what follows it. */
static const char *read_count(const char *text, const char *word, unsigned long long *count)
{
    const size_t length = strlen(word);
    char *end;
    if (strncmp(text, word, length) != 0 || text[length] < '0' || text[length] > '9')
        return NULL;
    *count = strtoull(text + length, &end, 10);
    return end;
}

/* libsndfile silently takes what is there, but notes in its log what was promised, as in
 * "data : 32000 (should be 15979)", bytes both. The log holds texts of the file as well, so that a
 * line counts only if it fits what was read. */
static double promised_by_header_s(const struct sound_file *file, char *log)
{
    static const char *const chunks[] = {"data : ", " SSND : ", "  Data Size   : "};
    char *rest = NULL;
    for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) { /* WAV, AIFF, AU */
            unsigned long long promised;
            unsigned long long found;
            const char *next = read_count(line, chunks[i], &promised);
            if (next != NULL && read_count(next, " (should be ", &found) != NULL && found > 0 &&
                found < promised && promised < UNKNOWN_LENGTH_BYTES && is_as_read(file, found))
                return (double)promised / (double)found * (double)sound_file_frames(file) /
                       file->info.samplerate;
        }
    }
    return 0;
}

/* Of W64 and RF64 the log says nothing of a chunk that is not all there, but states, before any
 * text of the file, how many bytes of sound there ought to be: "  Data size : 96000" of RF64's
 * first chunk, and "data : 96024" of W64, with the head of that chunk. In a pipe they stay unknown:
 * 0, or the most that there is room for. */
static double promised_by_chunk_s(const struct sound_file *file, char *log)
{
    const bool is_w64 = (file->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_W64;
    const char *word = is_w64 ? "data : " : "  Data size : ";
    const unsigned block = frame_bytes(file);
    if (block == 0) /* a coding whose bytes do not tell how long it lasts */
        return 0;
    char *rest = NULL;
    for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, word, strlen(word)) != 0)
            continue;
        unsigned long long promised = 0;
        read_count(line, word, &promised);
        if (promised <= W64_CHUNK_HEAD || promised >= UNKNOWN_SIZE_BYTES)
            return 0;
        promised -= is_w64 ? W64_CHUNK_HEAD : 0;
        return (double)(promised / block) / file->info.samplerate;
    }
    return 0;
}

/* Of Ogg: damaged pages and gaps are passed over, which is in the log alone. (What the log says of
 * the end counts for nothing: of a short file libsndfile has forgotten the last page, at which it
 * looked when it opened it.) */
static void look_for_gaps(const struct sound_file *file, char *log, struct loss *loss)
{
    unsigned long long length = 0;
    char *rest = NULL;
    for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        unsigned long long at;
        if (sscanf(line, "Length : %llu", &at) == 1)
            length = at;
        else if (sscanf(line, "Ogg : Warning, libogg reports a hole at %llu", &at) == 1)
            loss->position = length > at ? (double)at / (double)length : 1;
        else if (sscanf(line, "Ogg : Skipped %llu bytes", &at) == 1 && at > file->behind &&
                 loss->position < 0)
            loss->position = 1; /* at least somewhere */
        if (loss->position >= 0 && loss->position < 1)
            return; /* the first one */
    }
}

static struct loss find_loss(const struct sound_file *file)
{
    struct loss loss = {.position = -1};
    char log[16384] = "";
    sf_command(file->file, SFC_GET_LOG_INFO, log, sizeof log);
    const int type = file->info.format & SF_FORMAT_TYPEMASK;
    if (sound_file_is_ogg(file))
        look_for_gaps(file, log, &loss);
    else if (type == SF_FORMAT_W64 || type == SF_FORMAT_RF64)
        loss.header_s = promised_by_chunk_s(file, log);
    else
        loss.header_s = promised_by_header_s(file, log);
    return loss;
}

bool sound_file_has_loss(const struct sound_file *file, char *text)
{
    const struct loss loss = find_loss(file);
    const double rate_hz = file->info.samplerate;
    const double read_s = (double)file->read / rate_hz;
    double promised_s = 0;
    if (sound_file_is_ogg(file) || file->states_length)
        promised_s = (double)sound_file_frames(file) / rate_hz;
    const bool less = promised_s > read_s + LEAST_LOSS_S;
    char where[40] = "";
    if (loss.position >= 0 && loss.position < 1)
        snprintf(where, sizeof where, " near %.0f s", loss.position * fmax(promised_s, read_s));
    if (loss.header_s >= read_s + LEAST_SHOWN_S)
        snprintf(text, SOUND_FILE_LOSS_SIZE,
                 "is cut short: its header promises %.2f s, and it ends after %.2f s",
                 loss.header_s, read_s);
    else if (less)
        snprintf(text, SOUND_FILE_LOSS_SIZE,
                 "is damaged%s%s: of the %.2f s that it promises, %.2f s could be read", where,
                 *where != '\0' ? "" : " or cut short", promised_s, read_s);
    else if (loss.position >= 0)
        snprintf(text, SOUND_FILE_LOSS_SIZE,
                 "is damaged%s: not all of it could be read, only %.2f s", where, read_s);
    else if (file->end_missing)
        snprintf(text, SOUND_FILE_LOSS_SIZE,
                 "is cut short: it has no mark of its end, and ends after %.2f s", read_s);
    else
        return false;
    return true;
}
