#include "daemon/stderr_throttle.h"

#include "daemon/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

struct stderr_throttle {
    FILE *before;
    FILE *stream;
    unsigned lines_per_s;
    unsigned lines;     /* in this second */
    bool told;          /* that more are left out */
    uint64_t second_ns; /* when it began */
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

/* One line, mostly; the stream's own lock is held. */
static ssize_t pass_on(void *context, const char *text, size_t size)
{
    static const char notice[] = "(more than can be of use; the rest of this second is left out)\n";
    struct stderr_throttle *throttle = context;
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
    return (ssize_t)size;
}

struct stderr_throttle *stderr_throttle_begin(unsigned lines_per_s)
{
    struct stderr_throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle == NULL)
        return NULL;
    throttle->lines_per_s = lines_per_s;
    throttle->before = stderr;
    throttle->stream = fopencookie(throttle, "w", (cookie_io_functions_t){.write = pass_on});
    if (throttle->stream == NULL) {
        free(throttle);
        return NULL;
    }
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
