/* convert.h - raw PCM in, clean mono float out.
 *
 * Reads interleaved samples of the usual formats from plain bytes, mixes their
 * channels to one or picks one of them, and makes sure that nothing but finite,
 * sanely sized numbers goes on into the pipeline. Also reads a format as people
 * write it, such as "s16le:44100:2".
 *
 * No state, no allocation: safe in any thread, also a real-time one.
 */
#ifndef TUTTI_DSP_CONVERT_H
#define TUTTI_DSP_CONVERT_H

#include "common/status.h"

#include <stddef.h>

#define CONVERT_MIN_RATE_HZ 8000u
#define CONVERT_MAX_RATE_HZ 384000u
#define CONVERT_MAX_CHANNELS 256u
#define CONVERT_MIX (-1)   /* channel: the mean of all channels */
#define CONVERT_LIMIT 8.0f /* samples beyond +-8 (+18 dBFS) become +-8 */

enum convert_sample {
    CONVERT_S16LE,
    CONVERT_S16BE,
    CONVERT_S24LE, /* three bytes, packed */
    CONVERT_S24BE,
    CONVERT_S32LE,
    CONVERT_S32BE,
    CONVERT_F32LE, /* IEEE 754, full scale +-1 */
    CONVERT_F32BE,
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    CONVERT_F32_NATIVE = CONVERT_F32BE, /* float in memory, as PortAudio gives it */
#else
    CONVERT_F32_NATIVE = CONVERT_F32LE,
#endif
};

struct convert_format {
    enum convert_sample sample;
    unsigned rate_hz;  /* CONVERT_MIN_RATE_HZ to CONVERT_MAX_RATE_HZ */
    unsigned channels; /* 1 to CONVERT_MAX_CHANNELS */
};

/* Reads SAMPLE:RATE:CHANNELS, for instance "f32le:48000:1". SAMPLE is s16, s24,
 * s32 or f32 followed by le or be. *format is written only on success.
 * TUTTI_ERROR_ARGUMENT with a sentence that quotes the text and says which part
 * is wrong and what it may be; error may be NULL. */
enum tutti_status convert_parse_format(const char *text, struct convert_format *format,
                                       struct tutti_error *error);

/* Bytes of one frame (one sample of each channel): 2 to 4 * CONVERT_MAX_CHANNELS. */
size_t convert_frame_size(const struct convert_format *format);

/* Refuses a channel that a sound of so many channels does not have. `channel` is CONVERT_MIX or a
 * channel from 0; name stands for the sound in *error (may be NULL). */
enum tutti_status convert_check_channel(int channel, unsigned channels, const char *name,
                                        struct tutti_error *error);

/* Converts `frames` frames at pcm (any alignment) to mono[frames], full scale +-1.
 * `channel` is CONVERT_MIX or a channel from 0; one that does not exist is taken
 * as CONVERT_MIX. Integers are divided by 2^15, 2^23, 2^31. NaN becomes 0 and
 * what is beyond +-CONVERT_LIMIT becomes that limit, before mixing. pcm and mono
 * may not overlap. */
void convert_to_mono(const struct convert_format *format, int channel, const void *pcm,
                     size_t frames, float *mono);

#endif
