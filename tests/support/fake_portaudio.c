#include "tests/support/fake_portaudio.h"

#include "tests/support/pause.h"

#include <portaudio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 4, PERIOD_FRAMES = FAKE_PORTAUDIO_RATE_HZ / 100 };

struct fake_stream {
    PaStreamCallback *callback;
    void *context;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    atomic_bool active;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *plugged[MAX_DEVICES];
static int plugged_count;
static PaDeviceInfo device[MAX_DEVICES]; /* as found by the last search */
static int device_count;
static int users;
static const char *last_opened = "";
static atomic_int generation; /* counts breaks */
static atomic_bool silent;
static atomic_bool hanging;
static atomic_int opened;
static atomic_int inside;
static atomic_int overlaps;

/* Around what wants to be alone; it takes a moment, so that another one can come. */
static void enter(void)
{
    if (atomic_fetch_add(&inside, 1) > 0)
        atomic_fetch_add(&overlaps, 1);
    pause_ms(2);
}

static void leave(void)
{
    atomic_fetch_sub(&inside, 1);
}

/* ---- for the test ---- */

void fake_portaudio_plug(const char *const *names, int count)
{
    pthread_mutex_lock(&mutex);
    memcpy(plugged, names, (size_t)count * sizeof *names);
    plugged_count = count;
    pthread_mutex_unlock(&mutex);
}

void fake_portaudio_break(void)
{
    atomic_fetch_add(&generation, 1);
}

void fake_portaudio_be_silent(bool is_silent)
{
    atomic_store(&silent, is_silent);
}

void fake_portaudio_hang(bool hang)
{
    atomic_store(&hanging, hang);
}

int fake_portaudio_opened(void)
{
    return atomic_load(&opened);
}

const char *fake_portaudio_last(void)
{
    pthread_mutex_lock(&mutex);
    const char *name = last_opened;
    pthread_mutex_unlock(&mutex);
    return name;
}

int fake_portaudio_overlaps(void)
{
    return atomic_load(&overlaps);
}

/* ---- ALSA ---- */

int snd_card_get_name(int card, char **name);

int snd_card_get_name(int card, char **name)
{
    char number[16];
    int status = -1;
    (void)snprintf(number, sizeof number, "(hw:%d,", card);
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < plugged_count && status < 0; i++) {
        const char *colon = strstr(plugged[i], ": ");
        if (colon == NULL || strstr(plugged[i], number) == NULL)
            continue;
        *name = strndup(plugged[i], (size_t)(colon - plugged[i]));
        status = 0;
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

/* ---- PortAudio ---- */

PaError Pa_Initialize(void)
{
    enter();
    pthread_mutex_lock(&mutex);
    if (users++ == 0) {
        device_count = plugged_count;
        for (int i = 0; i < plugged_count; i++)
            device[i] = (PaDeviceInfo){.structVersion = 2,
                                       .name = plugged[i],
                                       .maxInputChannels = 1,
                                       .defaultSampleRate = FAKE_PORTAUDIO_RATE_HZ};
    }
    pthread_mutex_unlock(&mutex);
    leave();
    return paNoError;
}

PaError Pa_Terminate(void)
{
    enter();
    pthread_mutex_lock(&mutex);
    users--;
    pthread_mutex_unlock(&mutex);
    leave();
    return paNoError;
}

PaDeviceIndex Pa_GetDeviceCount(void)
{
    return device_count;
}

PaDeviceIndex Pa_GetDefaultInputDevice(void)
{
    return 0;
}

const PaDeviceInfo *Pa_GetDeviceInfo(PaDeviceIndex index)
{
    return &device[index];
}

const PaHostApiInfo *Pa_GetHostApiInfo(PaHostApiIndex index)
{
    static const PaHostApiInfo alsa = {.structVersion = 1, .type = paALSA, .name = "ALSA"};
    (void)index;
    return &alsa;
}

const char *Pa_GetErrorText(PaError error)
{
    (void)error;
    return "a fault";
}

const PaHostErrorInfo *Pa_GetLastHostErrorInfo(void)
{
    return NULL;
}

PaError Pa_OpenStream(PaStream **stream, const PaStreamParameters *input,
                      const PaStreamParameters *output, double rate, unsigned long frames,
                      PaStreamFlags flags, PaStreamCallback *callback, void *context)
{
    (void)output;
    (void)frames;
    (void)flags;
    if (rate != FAKE_PORTAUDIO_RATE_HZ)
        return paInvalidSampleRate;
    enter();
    struct fake_stream *made = calloc(1, sizeof *made);
    made->callback = callback;
    made->context = context;
    *stream = made;
    pthread_mutex_lock(&mutex);
    last_opened = device[input->device].name;
    pthread_mutex_unlock(&mutex);
    atomic_fetch_add(&opened, 1);
    leave();
    return paNoError;
}

static void *deliver(void *context)
{
    struct fake_stream *stream = context;
    const float samples[PERIOD_FRAMES] = {0};
    const int of_generation = atomic_load(&generation);
    int result = paContinue;
    while (!atomic_load(&stream->stopping) && result == paContinue &&
           atomic_load(&generation) == of_generation) {
        pause_ms(10);
        if (!atomic_load(&silent))
            result = stream->callback(samples, NULL, PERIOD_FRAMES, NULL, 0, stream->context);
    }
    atomic_store(&stream->active, false);
    return NULL;
}

PaError Pa_StartStream(PaStream *opaque)
{
    struct fake_stream *stream = opaque;
    enter();
    atomic_store(&stream->active, true);
    stream->started = pthread_create(&stream->thread, NULL, deliver, stream) == 0;
    leave();
    return stream->started ? paNoError : paInternalError;
}

PaError Pa_IsStreamActive(PaStream *opaque)
{
    struct fake_stream *stream = opaque;
    return atomic_load(&stream->active);
}

PaError Pa_AbortStream(PaStream *opaque)
{
    struct fake_stream *stream = opaque;
    while (atomic_load(&hanging))
        pause_ms(10);
    atomic_store(&stream->stopping, true);
    if (stream->started)
        pthread_join(stream->thread, NULL);
    stream->started = false;
    return paNoError;
}

PaError Pa_CloseStream(PaStream *opaque)
{
    enter();
    Pa_AbortStream(opaque);
    free(opaque);
    leave();
    return paNoError;
}

void Pa_Sleep(long ms)
{
    pause_ms(ms);
}
