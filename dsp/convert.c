#include "dsp/convert.h"

#include "dsp/limit_samples.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const struct layout {
    const char *name;
    size_t bytes;
    bool big_endian;
    bool is_float;
} layouts[] = {
    [CONVERT_S16LE] = {"s16le", 2, false, false}, [CONVERT_S16BE] = {"s16be", 2, true, false},
    [CONVERT_S24LE] = {"s24le", 3, false, false}, [CONVERT_S24BE] = {"s24be", 3, true, false},
    [CONVERT_S32LE] = {"s32le", 4, false, false}, [CONVERT_S32BE] = {"s32be", 4, true, false},
    [CONVERT_F32LE] = {"f32le", 4, false, true},  [CONVERT_F32BE] = {"f32be", 4, true, true},
};

#define LAYOUTS (sizeof layouts / sizeof layouts[0])
#define QUOTED 80 /* how much of a bad text an error repeats */
#define SPAN 64   /* frames that are converted at once */

static const struct layout *layout_of(enum convert_sample sample)
{
    return (size_t)sample < LAYOUTS ? &layouts[sample] : NULL;
}

size_t convert_frame_size(const struct convert_format *format)
{
    const struct layout *layout = layout_of(format->sample);
    return layout != NULL ? layout->bytes * format->channels : 0;
}

/* Digits only (no sign, no space) up to the end or a ':', which is left in place.
 * False if there is anything else or the number is out of range. */
static bool read_number(const char **text, unsigned low, unsigned high, unsigned *number)
{
    uint64_t value = 0;
    const char *c = *text;
    if (*c < '0' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        value = 10 * value + (uint64_t)(*c - '0');
        if (value > high)
            return false;
    }
    if (value < low || (*c != '\0' && *c != ':'))
        return false;
    *text = c;
    *number = (unsigned)value;
    return true;
}

static bool read_sample(const char **text, enum convert_sample *sample)
{
    size_t length = strcspn(*text, ":");
    for (size_t i = 0; i < LAYOUTS; i++) {
        if (strlen(layouts[i].name) == length && strncmp(layouts[i].name, *text, length) == 0) {
            *sample = (enum convert_sample)i;
            *text += length;
            return true;
        }
    }
    return false;
}

enum tutti_status convert_parse_format(const char *text, struct convert_format *format,
                                       struct tutti_error *error)
{
    struct convert_format read;
    const char *rest = text;
    if (!read_sample(&rest, &read.sample))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "PCM format '%.*s': the sample format has to be one of s16le, "
                               "s16be, s24le, s24be, s32le, s32be, f32le, f32be",
                               QUOTED, text);
    if (*rest++ != ':')
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "PCM format '%.*s': the rate is missing (as in f32le:48000:1)",
                               QUOTED, text);
    if (!read_number(&rest, CONVERT_MIN_RATE_HZ, CONVERT_MAX_RATE_HZ, &read.rate_hz))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "PCM format '%.*s': the rate has to be a whole number of Hz, "
                               "%u to %u",
                               QUOTED, text, CONVERT_MIN_RATE_HZ, CONVERT_MAX_RATE_HZ);
    if (*rest++ != ':')
        return tutti_error_set(
            error, TUTTI_ERROR_ARGUMENT,
            "PCM format '%.*s': the number of channels is missing (as in f32le:48000:1)", QUOTED,
            text);
    if (!read_number(&rest, 1, CONVERT_MAX_CHANNELS, &read.channels))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "PCM format '%.*s': the number of channels has to be 1 to %u",
                               QUOTED, text, CONVERT_MAX_CHANNELS);
    if (*rest != '\0')
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "PCM format '%.*s': nothing may follow the number of channels",
                               QUOTED, text);
    *format = read;
    return TUTTI_OK;
}

enum tutti_status convert_check_channel(int channel, unsigned channels, const char *name,
                                        struct tutti_error *error)
{
    if (channel == CONVERT_MIX || (unsigned)channel < channels)
        return TUTTI_OK;
    return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                           "channel %d was asked for, but %s has %u channel%s", channel + 1, name,
                           channels, channels == 1 ? "" : "s");
}

/* The sample's bytes as the upper bits of a 32-bit word. */
static uint32_t load(const unsigned char *from, size_t bytes, bool big_endian)
{
    uint32_t word = 0;
    for (size_t i = 0; i < bytes; i++) {
        uint32_t byte = from[big_endian ? bytes - 1 - i : i];
        word = word >> 8 | byte << 24;
    }
    return word;
}

static float decode(const unsigned char *from, const struct layout *layout)
{
    const uint32_t word = load(from, layout->bytes, layout->big_endian);
    if (layout->is_float) {
        float sample;
        memcpy(&sample, &word, sizeof sample);
        return sample;
    }
    int32_t integer;
    memcpy(&integer, &word, sizeof integer);
    return (float)integer * 0x1p-31f;
}

/* Where the distance is a constant, the compiler loads vectors. */
static inline void load_floats(const unsigned char *from, size_t distance, size_t frames,
                               float samples[SPAN])
{
    for (size_t i = 0; i < frames; i++)
        memcpy(&samples[i], from + i * distance, sizeof samples[i]);
}

/* One channel of up to SPAN frames that lie `distance` bytes apart. */
static void load_span(const unsigned char *from, enum convert_sample sample, size_t distance,
                      size_t frames, float samples[SPAN])
{
    if (sample != CONVERT_F32_NATIVE) {
        for (size_t i = 0; i < frames; i++)
            samples[i] = decode(from + i * distance, &layouts[sample]);
    } else if (distance == sizeof *samples) {
        load_floats(from, sizeof *samples, frames, samples);
    } else if (distance == 2 * sizeof *samples) {
        load_floats(from, 2 * sizeof *samples, frames, samples);
    } else {
        load_floats(from, distance, frames, samples);
    }
}

void convert_to_mono(const struct convert_format *format, int channel, const void *pcm,
                     size_t frames, float *mono)
{
    const struct layout *layout = layout_of(format->sample);
    if (layout == NULL)
        return;
    const size_t distance = convert_frame_size(format);
    const bool mix = channel < 0 || (unsigned)channel >= format->channels;
    const size_t first = mix ? 0 : (size_t)channel, count = mix ? format->channels : 1;
    const unsigned char *from = (const unsigned char *)pcm + first * layout->bytes;
    const float scale = 1.0f / (float)count;
    float samples[SPAN] = {0}; /* beyond the last frame: whatever, but defined */
    for (size_t done = 0; done < frames; done += SPAN) {
        const size_t n = frames - done < SPAN ? frames - done : SPAN;
        float sum[SPAN] = {0};
        for (size_t c = 0; c < count; c++) {
            load_span(from + done * distance + c * layout->bytes, format->sample, distance, n,
                      samples);
            if (layout->is_float)
                limit_samples(samples, SPAN, CONVERT_LIMIT);
            for (size_t i = 0; i < SPAN; i++)
                sum[i] += samples[i];
        }
        for (size_t i = 0; i < n; i++)
            mono[done + i] = sum[i] * scale;
    }
}
