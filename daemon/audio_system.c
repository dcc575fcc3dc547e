#include "daemon/audio_system.h"

#include "daemon/clock.h"

#include <fcntl.h>
#include <portaudio.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#ifdef TUTTI_ALSA
#include <alsa/asoundlib.h>
#endif
#ifdef TUTTI_JACK
#include <jack/jack.h>
#endif

/* What it guards is as global as it is: PortAudio's own state, and stderr. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int saved_stderr = -1; /* while it is silenced */

#ifdef TUTTI_ALSA
/* ALSA reports every plug-in that does not open, and a lost device without end. What matters of it
 * PortAudio returns as an error. */
static void ignore_alsa(const char *file, int line, const char *function, int reason,
                        const char *format, ...)
{
    (void)file;
    (void)line;
    (void)function;
    (void)reason;
    (void)format;
}
#endif

#ifdef TUTTI_JACK
/* JACK says five lines each time that there is no server. */
static void ignore_jack(const char *text)
{
    (void)text;
}
#endif

static void quieten_libraries(void)
{
#ifdef TUTTI_ALSA
    snd_lib_error_set_handler(ignore_alsa);
#endif
#ifdef TUTTI_JACK
    jack_set_error_function(ignore_jack);
    jack_set_info_function(ignore_jack);
#endif
}

/* For what PortAudio itself says. */
static void silence_stderr(void)
{
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        return;
    fflush(stderr);
    saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (saved_stderr >= 0)
        dup2(nowhere, STDERR_FILENO);
    close(nowhere);
}

static void restore_stderr(void)
{
    if (saved_stderr < 0)
        return;
    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    saved_stderr = -1;
}

/* There is hardly ever anyone to wait for, so looking now and then is good enough; and unlike
 * pthread_mutex_clocklock() ThreadSanitizer knows it. */
static bool take_lock(void)
{
    const uint64_t deadline_ns = clock_monotonic_ns() + AUDIO_SYSTEM_DEADLINE_MS * CLOCK_NS_PER_MS;
    const struct timespec pause = {.tv_nsec = 5 * (long)CLOCK_NS_PER_MS};
    while (pthread_mutex_trylock(&lock) != 0) {
        if (clock_monotonic_ns() >= deadline_ns)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

enum tutti_status audio_system_enter(bool quiet, struct tutti_error *error)
{
    if (!take_lock())
        return tutti_error_set(error, TUTTI_ERROR_IO,
                               "the audio system does not answer: another device hangs in it");
    quieten_libraries();
    if (quiet)
        silence_stderr();
    const PaError reason = Pa_Initialize();
    if (reason == paNoError)
        return TUTTI_OK;
    audio_system_pause();
    return tutti_error_set(error, TUTTI_ERROR_IO, "the audio system does not start: %s",
                           Pa_GetErrorText(reason));
}

void audio_system_pause(void)
{
    restore_stderr();
    pthread_mutex_unlock(&lock);
}

bool audio_system_resume(void)
{
    return take_lock();
}

void audio_system_leave(void)
{
    Pa_Terminate();
    audio_system_pause();
}
