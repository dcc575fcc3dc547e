#include "daemon/audio_system.h"
#include "daemon/clock.h"
#include "daemon/device_list.h"
#include "daemon/device_names.h"
#include "daemon/sound_card.h"
#include "daemon/source_backend.h"
#include "daemon/thread.h"
#include "daemon/wake.h"
#include "dsp/convert.h"

#include <portaudio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asked for few channels, plug-ins that claim to have dozens deliver what is really there. */
#define MIX_CHANNELS 2
/* What a device proposes can be absurd. The lower limit is what a busy machine survives; it costs
 * the listener nothing but this delay. */
#define MIN_LATENCY_S 0.08
#define MAX_LATENCY_S 0.2

#define WATCH_MS 250
#define SILENT_NS CLOCK_NS_PER_S            /* no callback for so long: lost */
#define START_GRACE_NS (3 * CLOCK_NS_PER_S) /* the same before a stream's first one */
#define FIRST_RETRY_MS 500
#define MAX_RETRY_MS 10000
#define STOP_DEADLINE_MS 1800

struct device {
    struct source *source;
    char name[256]; /* its stable name: by this it is found again */
    unsigned channels;
    unsigned rate_hz;
    PaStream *stream;    /* NULL while it is lost */
    uint64_t started_ns; /* of this stream */
    pthread_t supervisor;
    struct wake wake;     /* for the supervisor */
    struct wake finished; /* from the supervisor */
    atomic_bool stopping;
    _Atomic uint64_t busy_since_ns; /* the supervisor is in the audio system; 0: it is not */

    /* Shared with the callback. */
    atomic_bool closed;                /* the capture queue is not to be touched any more */
    atomic_int callbacks;              /* running now */
    _Atomic uint64_t last_callback_ns; /* 0: none yet */
    atomic_bool resumed;               /* this stream follows a lost one */
};

/* ---- the callback: real time ---- */

/* Nobody says how much an overflow or an interruption lost: it is the time since the last callback,
 * less what has come now. */
static uint64_t missing_frames(const struct device *device, uint64_t now_ns, uint64_t frames)
{
    const uint64_t last_ns = atomic_load_explicit(&device->last_callback_ns, memory_order_relaxed);
    if (now_ns <= last_ns)
        return 0;
    const uint64_t passed = clock_ns_to_frames(now_ns - last_ns, device->rate_hz);
    return passed > frames ? passed - frames : 0;
}

static void capture_samples(struct device *device, const float *samples, unsigned long frames,
                            PaStreamCallbackFlags flags)
{
    struct source *source = device->source;
    const uint64_t now_ns = clock_monotonic_ns();
    const bool first = atomic_load_explicit(&device->last_callback_ns, memory_order_relaxed) == 0;
    const bool resumed = atomic_exchange_explicit(&device->resumed, false, memory_order_relaxed);
    if (first || resumed)
        pthread_setname_np(pthread_self(), "capture"); /* PortAudio made it */
    if (!first && (resumed || (flags & paInputOverflow) != 0))
        capture_skip(source->capture, missing_frames(device, now_ns, frames));
    if (samples != NULL)
        capture_write(source->capture, samples, frames, device->channels, source->channel,
                      source->gain);
    else
        capture_skip(source->capture, frames);
    atomic_store_explicit(&device->last_callback_ns, now_ns, memory_order_relaxed);
}

static int stream_callback(const void *input, void *output, unsigned long frames,
                           const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags,
                           void *context)
{
    struct device *device = context;
    (void)output;
    (void)time;
    /* Either close_callback() sees this callback counted, or this sees it closed. */
    atomic_fetch_add(&device->callbacks, 1);
    const bool closed = atomic_load(&device->closed);
    if (!closed)
        capture_samples(device, input, frames, flags);
    atomic_fetch_sub(&device->callbacks, 1);
    return closed ? paAbort : paContinue;
}

/* After this no callback touches the capture queue, whatever the device does. */
static void close_callback(struct device *device)
{
    atomic_store(&device->closed, true);
    while (atomic_load(&device->callbacks) > 0)
        Pa_Sleep(1); /* it waits for nothing, so this is short */
}

/* ---- opening; the caller is in the audio system ---- */

static const char *reason_text(PaError reason)
{
    const PaHostErrorInfo *host = Pa_GetLastHostErrorInfo();
    if (reason == paUnanticipatedHostError && host != NULL && host->errorText != NULL)
        return host->errorText;
    return Pa_GetErrorText(reason);
}

static double latency_s(PaDeviceIndex index)
{
    const double proposed = Pa_GetDeviceInfo(index)->defaultHighInputLatency;
    if (!(proposed > MIN_LATENCY_S))
        return MIN_LATENCY_S;
    return proposed < MAX_LATENCY_S ? proposed : MAX_LATENCY_S;
}

static PaError open_stream(struct device *device, PaDeviceIndex index, unsigned rate_hz)
{
    const PaStreamParameters input = {
        .device = index,
        .channelCount = (int)device->channels,
        .sampleFormat = paFloat32,
        .suggestedLatency = latency_s(index),
    };
    return Pa_OpenStream(&device->stream, &input, NULL, rate_hz, paFramesPerBufferUnspecified,
                         paClipOff | paDitherOff, stream_callback, device);
}

/* Opens the device's stream at its own rate, or at a usual one if it refuses that. rate_hz: the
 * only one that will do, or 0. */
static enum tutti_status open_at_some_rate(struct device *device, PaDeviceIndex index,
                                           unsigned own_rate_hz, unsigned rate_hz,
                                           struct tutti_error *error)
{
    const unsigned usual[] = {rate_hz != 0 ? rate_hz : own_rate_hz, 48000, 44100, 32000, 16000};
    const size_t rates = rate_hz != 0 ? 1 : sizeof usual / sizeof usual[0];
    PaError reason = paInvalidSampleRate;
    for (size_t i = 0; i < rates && reason == paInvalidSampleRate; i++) {
        if (usual[i] < CONVERT_MIN_RATE_HZ || usual[i] > CONVERT_MAX_RATE_HZ)
            continue;
        reason = open_stream(device, index, usual[i]);
        if (reason == paNoError)
            device->rate_hz = usual[i];
    }
    if (reason == paNoError)
        return TUTTI_OK;
    device->stream = NULL;
    if (rate_hz != 0)
        return tutti_error_set(error, TUTTI_ERROR_IO,
                               "the input device \"%.200s\" cannot be opened at %u Hz: %s",
                               device->name, rate_hz, reason_text(reason));
    return tutti_error_set(error, TUTTI_ERROR_IO,
                           "the input device \"%.200s\" cannot be opened: %s", device->name,
                           reason_text(reason));
}

/* Opens the one device in the list that config->input means. */
static enum tutti_status open_listed(struct device *device, const struct device_list *list,
                                     const struct source_config *config, struct tutti_error *error)
{
    const int found = device_names_find(list->device, list->count, config->input, error);
    if (found < 0)
        return TUTTI_ERROR_NOT_FOUND;
    const struct source_device *info = &list->device[found];
    /* A device is found again only by its very name, never by one that resembles it. That name may
     * be the system's by now: when it was opened it had a twin, which is gone. */
    if (device->name[0] == '\0')
        snprintf(device->name, sizeof device->name, "%s", info->name);
    else if (strcmp(device->name, info->name) != 0 && strcmp(device->name, info->system_name) != 0)
        return TUTTI_ERROR_NOT_FOUND;
    /* Nor by the number that its card had: the list can be old. */
    if (!sound_card_is_the_same(info->system_name))
        return tutti_error_set(error, TUTTI_ERROR_NOT_FOUND,
                               "the input device \"%.200s\" is not there any more", device->name);
    /* Not a wrong setting: a device with more channels may yet come. */
    if (convert_check_channel(config->channel, info->channels, device->name, error) != TUTTI_OK) {
        if (error != NULL)
            error->status = TUTTI_ERROR_IO;
        return TUTTI_ERROR_IO;
    }
    if (config->channel != CAPTURE_MIX_ALL)
        device->channels = (unsigned)config->channel + 1;
    else
        device->channels = info->channels < MIX_CHANNELS ? info->channels : MIX_CHANNELS;
    return open_at_some_rate(device, list->index[found], info->rate_hz, config->rate_hz, error);
}

static enum tutti_status open_found(struct device *device, const struct source_config *config,
                                    struct tutti_error *error)
{
    struct device_list list;
    enum tutti_status status = device_list_read(&list, error);
    if (status != TUTTI_OK)
        return status;
    status = open_listed(device, &list, config, error);
    device_list_free(&list);
    return status;
}

static bool accepts_any(const char *input)
{
    (void)input;
    return true;
}

static enum tutti_status open_device(struct source *source, const struct source_config *config,
                                     struct tutti_error *error)
{
    struct device *device = calloc(1, sizeof *device);
    if (device == NULL)
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for a device");
    device->source = source;
    enum tutti_status status = audio_system_enter(true, error);
    if (status == TUTTI_OK) {
        status = open_found(device, config, error);
        if (status == TUTTI_OK)
            audio_system_pause();
        else
            audio_system_leave();
    }
    if (status != TUTTI_OK) {
        free(device);
        return status;
    }
    wake_init(&device->wake);
    wake_init(&device->finished);
    source->self = device;
    source->rate_hz = device->rate_hz;
    snprintf(source->name, sizeof source->name, "%s", device->name);
    return TUTTI_OK;
}

/* ---- the supervisor: a thread, because everything here may hang ---- */

/* Closes the stream and leaves the audio system. Aborting comes before the lock, because a stream
 * that hangs mostly hangs there, and should not keep others from the system. False, with the stream
 * as it is, if another one does keep us. */
static bool close_stream(struct device *device)
{
    Pa_AbortStream(device->stream);
    if (!audio_system_resume())
        return false;
    Pa_CloseStream(device->stream);
    device->stream = NULL;
    audio_system_leave();
    return true;
}

static PaError start_stream(struct device *device)
{
    device->started_ns = clock_monotonic_ns();
    return Pa_StartStream(device->stream);
}

/* One attempt to find the device again by its name. */
static bool reopen(struct device *device)
{
    const struct source *source = device->source;
    const struct source_config config = {
        .input = device->name,
        .channel = source->channel,
        .rate_hz = device->rate_hz, /* what is behind the queue was made for it */
    };
    if (audio_system_enter(false, NULL) != TUTTI_OK)
        return false;
    if (open_found(device, &config, NULL) != TUTTI_OK) {
        audio_system_leave();
        return false;
    }
    atomic_store_explicit(&device->resumed, true, memory_order_relaxed);
    const bool started = start_stream(device) == paNoError;
    audio_system_pause();
    if (!started)
        close_stream(device);
    return started;
}

/* Whether this stream has delivered anything. */
static bool has_delivered(const struct device *device)
{
    return atomic_load_explicit(&device->last_callback_ns, memory_order_relaxed) >=
           device->started_ns;
}

static bool is_silent(const struct device *device)
{
    const uint64_t last_ns = atomic_load_explicit(&device->last_callback_ns, memory_order_relaxed);
    const uint64_t now_ns = clock_monotonic_ns();
    if (last_ns < device->started_ns)
        return now_ns - device->started_ns > START_GRACE_NS;
    return now_ns > last_ns && now_ns - last_ns > SILENT_NS;
}

static bool is_lost(const struct device *device)
{
    const bool lost = Pa_IsStreamActive(device->stream) != 1 || is_silent(device);
    return lost && !atomic_load(&device->closed); /* or else we are being stopped */
}

/* One look at the device; returns how long to wait until the next. A device that opens but delivers
 * nothing stays lost, and is tried at longer and longer intervals. */
static unsigned look_after(struct device *device, unsigned *retry_ms)
{
    if (device->stream == NULL && reopen(device))
        return WATCH_MS;
    if (device->stream != NULL && !is_lost(device)) {
        if (has_delivered(device)) {
            *retry_ms = FIRST_RETRY_MS;
            if (source_state(device->source) == SOURCE_LOST)
                source_set_state(device->source, SOURCE_RUNNING);
        }
        return WATCH_MS;
    }
    if (device->stream != NULL) {
        source_set_state(device->source, SOURCE_LOST);
        close_stream(device);
    }
    const unsigned wait_ms = *retry_ms;
    *retry_ms = wait_ms * 2 < MAX_RETRY_MS ? wait_ms * 2 : MAX_RETRY_MS;
    return wait_ms;
}

static void *supervise(void *context)
{
    struct device *device = context;
    unsigned wait_ms = WATCH_MS;
    unsigned retry_ms = FIRST_RETRY_MS;
    while (!atomic_load_explicit(&device->stopping, memory_order_acquire)) {
        atomic_store_explicit(&device->busy_since_ns, 0, memory_order_relaxed);
        if (wake_wait_ms(&device->wake, wait_ms))
            continue;
        atomic_store_explicit(&device->busy_since_ns, clock_monotonic_ns(), memory_order_relaxed);
        wait_ms = look_after(device, &retry_ms);
    }
    if (device->stream != NULL)
        close_stream(device);
    wake_signal(&device->finished);
    return NULL;
}

/* Starts the stream that was opened; the audio system's threads for it begin here. */
static enum tutti_status start_opened(struct device *device, struct tutti_error *error)
{
    if (!audio_system_resume())
        return tutti_error_set(error, TUTTI_ERROR_IO,
                               "the input device \"%.200s\" does not start: another one hangs in "
                               "the audio system",
                               device->name);
    const PaError reason = start_stream(device);
    enum tutti_status status = TUTTI_OK;
    if (reason != paNoError)
        status =
            tutti_error_set(error, TUTTI_ERROR_IO, "the input device \"%.200s\" does not start: %s",
                            device->name, reason_text(reason));
    audio_system_pause();
    return status;
}

static enum tutti_status start_device(struct source *source, struct tutti_error *error)
{
    struct device *device = source->self;
    enum tutti_status status = start_opened(device, error);
    if (status != TUTTI_OK)
        return status;
    status = thread_start(&device->supervisor, "device", supervise, device, error);
    if (status != TUTTI_OK)
        close_callback(device); /* the stream is closed with the source */
    return status;
}

/* Waiting for another device that hangs is no hanging of our own: closing after a start that failed
 * may wait twice. */
_Static_assert(SOURCE_HANG_S * 1000 > 2 * AUDIO_SYSTEM_DEADLINE_MS, "see above");

static bool device_hangs(const struct source *source)
{
    const struct device *device = source->self;
    const uint64_t since_ns = atomic_load_explicit(&device->busy_since_ns, memory_order_relaxed);
    const uint64_t now_ns = clock_monotonic_ns();
    return since_ns != 0 && now_ns > since_ns && now_ns - since_ns > SOURCE_HANG_S * CLOCK_NS_PER_S;
}

static bool stop_device(struct source *source)
{
    struct device *device = source->self;
    close_callback(device);
    atomic_store_explicit(&device->stopping, true, memory_order_release);
    wake_signal(&device->wake);
    const uint64_t deadline_ns = clock_monotonic_ns() + STOP_DEADLINE_MS * CLOCK_NS_PER_MS;
    if (!wake_wait_until(&device->finished, deadline_ns)) {
        pthread_detach(device->supervisor);
        return false;
    }
    pthread_join(device->supervisor, NULL);
    return true;
}

static void close_device(struct source *source)
{
    struct device *device = source->self;
    if (device->stream != NULL && !close_stream(device))
        return; /* its callback may still read *device */
    wake_destroy(&device->wake);
    wake_destroy(&device->finished);
    free(device);
}

const struct source_backend source_device = {
    .kind = "device",
    .accepts = accepts_any,
    .open = open_device,
    .start = start_device,
    .stop = stop_device,
    .hangs = device_hangs,
    .close = close_device,
};
