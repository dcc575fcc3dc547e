/* An ALSA plug-in that is a microphone without a sound card: it delivers the samples
 * of a file at the pace of the clock, over and over, and can be unplugged.
 *
 *   pcm_type.tutti_microphone { lib "/.../libtutti_microphone.so" }
 *   pcm.stage {
 *       type tutti_microphone
 *       sound "/.../tone.f32"   # raw 32-bit float, native byte order, interleaved
 *       rate 48000
 *       channels 1
 *       gate "/.../plugged"     # as soon as this file is gone, so is the device
 *       freeze "/.../frozen"    # while this file is there, the device says nothing and cannot
 *   }                           # be stopped: as a sound server does that has been halted
 *
 * What it delivers belongs to the time: after an overrun it goes on where the sound
 * has got to meanwhile.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

struct microphone {
    snd_pcm_ioplug_t io;
    char *gate;
    char *freeze;
    float *sound; /* mapped */
    size_t sound_size;
    uint64_t sound_frames;
    unsigned channels;
    unsigned rate_hz;
    int64_t first_ns;     /* when it was started for the first time */
    uint64_t start_frame; /* where the sound was when it was started last */
    int64_t start_ns;
    uint64_t taken; /* frames transferred since then */
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t frames_since(const struct microphone *microphone, int64_t start_ns)
{
    const uint64_t passed_ns = (uint64_t)(now_ns() - start_ns);
    return passed_ns / NS_PER_S * microphone->rate_hz +
           passed_ns % NS_PER_S * microphone->rate_hz / NS_PER_S;
}

static int unplugged(const struct microphone *microphone)
{
    return microphone->gate != NULL && access(microphone->gate, F_OK) != 0;
}

static int frozen(const struct microphone *microphone)
{
    return microphone->freeze != NULL && access(microphone->freeze, F_OK) == 0;
}

static int start(snd_pcm_ioplug_t *io)
{
    struct microphone *microphone = io->private_data;
    if (unplugged(microphone))
        return -ENODEV;
    microphone->start_ns = now_ns();
    if (microphone->first_ns == 0)
        microphone->first_ns = microphone->start_ns;
    microphone->start_frame = frames_since(microphone, microphone->first_ns);
    microphone->taken = 0;
    const int64_t period_ns = (int64_t)io->period_size * NS_PER_S / microphone->rate_hz;
    const struct timespec period = {.tv_sec = period_ns / NS_PER_S,
                                    .tv_nsec = period_ns % NS_PER_S};
    const struct itimerspec timer = {.it_interval = period, .it_value = period};
    return timerfd_settime(io->poll_fd, 0, &timer, NULL) == 0 ? 0 : -errno;
}

static int stop(snd_pcm_ioplug_t *io)
{
    const struct itimerspec never = {0};
    const struct timespec pause = {.tv_nsec = 10000000};
    while (frozen(io->private_data))
        nanosleep(&pause, NULL);
    timerfd_settime(io->poll_fd, 0, &never, NULL);
    return 0;
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io)
{
    const struct microphone *microphone = io->private_data;
    if (unplugged(microphone))
        return -ENODEV;
    if (frozen(microphone))
        return (snd_pcm_sframes_t)(microphone->taken % io->buffer_size);
    const uint64_t passed = frames_since(microphone, microphone->start_ns);
    if (passed - microphone->taken > io->buffer_size)
        return -EPIPE;
    return (snd_pcm_sframes_t)(passed % io->buffer_size);
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                  snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
    struct microphone *microphone = io->private_data;
    if (unplugged(microphone))
        return -ENODEV;
    for (snd_pcm_uframes_t i = 0; i < size; i++) {
        const uint64_t frame = microphone->start_frame + microphone->taken + i;
        const float *from =
            microphone->sound + frame % microphone->sound_frames * microphone->channels;
        for (unsigned c = 0; c < microphone->channels; c++) {
            char *to = (char *)areas[c].addr + (areas[c].first + areas[c].step * (offset + i)) / 8;
            memcpy(to, from + c, sizeof *from);
        }
    }
    microphone->taken += size;
    return (snd_pcm_sframes_t)size;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *descriptors, unsigned count,
                        unsigned short *events)
{
    uint64_t expirations;
    (void)descriptors;
    (void)count;
    if (unplugged(io->private_data))
        return -ENODEV;
    const int expired = read(io->poll_fd, &expirations, sizeof expirations) > 0;
    *events = expired && !frozen(io->private_data) ? POLLIN : 0;
    return 0;
}

static void free_microphone(struct microphone *microphone)
{
    if (microphone->sound != NULL)
        munmap(microphone->sound, microphone->sound_size);
    if (microphone->io.poll_fd >= 0)
        close(microphone->io.poll_fd);
    free(microphone->gate);
    free(microphone->freeze);
    free(microphone);
}

static int close_microphone(snd_pcm_ioplug_t *io)
{
    free_microphone(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = start,
    .stop = stop,
    .pointer = pointer,
    .transfer = transfer,
    .close = close_microphone,
    .poll_revents = poll_revents,
};

static int map_sound(struct microphone *microphone, const char *path)
{
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    const size_t frame_size = microphone->channels * sizeof(float);
    if (fstat(descriptor, &status) != 0 || (size_t)status.st_size < frame_size) {
        close(descriptor);
        return -EINVAL;
    }
    microphone->sound_size = (size_t)status.st_size;
    microphone->sound_frames = microphone->sound_size / frame_size;
    void *sound = mmap(NULL, microphone->sound_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (sound == MAP_FAILED)
        return -errno;
    microphone->sound = sound;
    return 0;
}

static int constrain(struct microphone *microphone)
{
    static const unsigned accesses[] = {SND_PCM_ACCESS_RW_INTERLEAVED,
                                        SND_PCM_ACCESS_MMAP_INTERLEAVED};
    static const unsigned formats[] = {SND_PCM_FORMAT_FLOAT};
    const unsigned frame_size = microphone->channels * (unsigned)sizeof(float);
    snd_pcm_ioplug_t *io = &microphone->io;
    int reason = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, accesses);
    if (reason >= 0)
        reason = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
    if (reason >= 0)
        reason = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS,
                                                 microphone->channels, microphone->channels);
    if (reason >= 0)
        reason = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, microphone->rate_hz,
                                                 microphone->rate_hz);
    if (reason >= 0)
        reason = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES,
                                                 64 * frame_size, 8192 * frame_size);
    if (reason >= 0)
        reason = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 16);
    return reason;
}

struct options {
    const char *sound;
    const char *gate;
    const char *freeze;
    long rate_hz;
    long channels;
};

static int read_options(snd_config_t *config, struct options *options)
{
    snd_config_iterator_t i;
    snd_config_iterator_t next;
    snd_config_for_each(i, next, config)
    {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;
        int reason = 0;
        if (snd_config_get_id(entry, &id) < 0)
            continue;
        if (strcmp(id, "sound") == 0)
            reason = snd_config_get_string(entry, &options->sound);
        else if (strcmp(id, "gate") == 0)
            reason = snd_config_get_string(entry, &options->gate);
        else if (strcmp(id, "freeze") == 0)
            reason = snd_config_get_string(entry, &options->freeze);
        else if (strcmp(id, "rate") == 0)
            reason = snd_config_get_integer(entry, &options->rate_hz);
        else if (strcmp(id, "channels") == 0)
            reason = snd_config_get_integer(entry, &options->channels);
        if (reason < 0)
            return reason;
    }
    return options->sound != NULL && options->rate_hz >= 8000 && options->rate_hz <= 384000 &&
                   options->channels >= 1 && options->channels <= 8
               ? 0
               : -EINVAL;
}

SND_PCM_PLUGIN_DEFINE_FUNC(tutti_microphone)
{
    struct options options = {.rate_hz = 48000, .channels = 1};
    (void)root;
    int reason = read_options(conf, &options);
    if (reason < 0)
        return reason;
    if (stream != SND_PCM_STREAM_CAPTURE)
        return -EINVAL;
    if (options.gate != NULL && access(options.gate, F_OK) != 0)
        return -ENODEV;
    struct microphone *microphone = calloc(1, sizeof *microphone);
    if (microphone == NULL)
        return -ENOMEM;
    microphone->rate_hz = (unsigned)options.rate_hz;
    microphone->channels = (unsigned)options.channels;
    microphone->gate = options.gate != NULL ? strdup(options.gate) : NULL;
    microphone->freeze = options.freeze != NULL ? strdup(options.freeze) : NULL;
    microphone->io = (snd_pcm_ioplug_t){
        .version = SND_PCM_IOPLUG_VERSION,
        .name = "Tutti's virtual microphone",
        .poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
        .poll_events = POLLIN,
        .callback = &callbacks,
        .private_data = microphone,
    };
    reason = microphone->io.poll_fd >= 0 ? map_sound(microphone, options.sound) : -errno;
    if (reason >= 0)
        reason = snd_pcm_ioplug_create(&microphone->io, name, stream, mode);
    if (reason < 0) {
        free_microphone(microphone);
        return reason;
    }
    reason = constrain(microphone);
    if (reason < 0) {
        snd_pcm_ioplug_delete(&microphone->io); /* calls close_microphone() */
        return reason;
    }
    *pcmp = microphone->io.pcm;
    return 0;
}

SND_PCM_PLUGIN_SYMBOL(tutti_microphone);
