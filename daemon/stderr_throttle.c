#include "daemon/stderr_throttle.h"

#include "daemon/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

struct stderr_throttle {
    FILE *before;
    FILE *stream;
    unsigned lines_per_s;
    pthread_mutex_t mutex; /* the stream has a lock as well, but does not promise it here */
    unsigned lines;        /* in this second */
    bool told;             /* that more are left out */
    uint64_t second_ns;    /* when it began */
};

#ifdef __GLIBC__

static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(STDERR_FILENO, text, size);
        if (written <= 0)
            return; /* there is nobody left to tell */
        text += written;
        size -= (size_t)written;
    }
}

/* Call with the mutex held. */
static void pass_on(struct stderr_throttle *throttle, const char *text, size_t size)
{
    static const char notice[] = "(more than can be of use; the rest of this second is left out)\n";
    const uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - throttle->second_ns >= CLOCK_NS_PER_S) {
        throttle->second_ns = now_ns;
        throttle->lines = 0;
        throttle->told = false;
    }
    if (throttle->lines < throttle->lines_per_s) {
        write_all(text, size);
        for (size_t i = 0; i < size; i++)
            throttle->lines += text[i] == '\n';
    } else if (!throttle->told) {
        throttle->told = true;
        write_all(notice, sizeof notice - 1);
    }
}

/* One line, mostly. */
static ssize_t take_text(void *context, const char *text, size_t size)
{
    struct stderr_throttle *throttle = context;
    pthread_mutex_lock(&throttle->mutex);
    pass_on(throttle, text, size);
    pthread_mutex_unlock(&throttle->mutex);
    return (ssize_t)size;
}

struct stderr_throttle *stderr_throttle_begin(unsigned lines_per_s)
{
    struct stderr_throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle == NULL)
        return NULL;
    throttle->lines_per_s = lines_per_s;
    throttle->before = stderr;
    throttle->stream = fopencookie(throttle, "w", (cookie_io_functions_t){.write = take_text});
    if (throttle->stream == NULL) {
        free(throttle);
        return NULL;
    }
    pthread_mutex_init(&throttle->mutex, NULL);
    setvbuf(throttle->stream, NULL, _IOLBF, BUFSIZ);
    stderr = throttle->stream;
    return throttle;
}

void stderr_throttle_end(struct stderr_throttle *throttle)
{
    if (throttle == NULL)
        return;
    stderr = throttle->before;
    fclose(throttle->stream);
    pthread_mutex_destroy(&throttle->mutex);
    free(throttle);
}

#else

struct stderr_throttle *stderr_throttle_begin(unsigned lines_per_s)
{
    (void)lines_per_s;
    return NULL;
}

void stderr_throttle_end(struct stderr_throttle *throttle)
{
    (void)throttle;
}

#endif
