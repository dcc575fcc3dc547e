#include "daemon/stderr_throttle.h"

#include "daemon/clock.h"
#include "daemon/line_limit.h"
#include "daemon/log.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct stderr_throttle {
    FILE *before;
    FILE *stream;
    pthread_mutex_t mutex; /* the stream has a lock as well, but does not promise it here */
    struct line_limit limit;
};

#ifdef __GLIBC__

/* What nobody reads is left out: whoever prints, PortAudio's callback among them, must not wait. */
static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        if (log_is_clogged(STDERR_FILENO))
            return;
        const ssize_t written = write(STDERR_FILENO, text, size < PIPE_BUF ? size : PIPE_BUF);
        if (written <= 0)
            return; /* there is nobody left to tell */
        text += written;
        size -= (size_t)written;
    }
}

static void say_left_out(uint64_t lines)
{
    char text[64];
    if (lines == 0)
        return;
    const int length = snprintf(text, sizeof text, "(%" PRIu64 " %s left out)\n", lines,
                                lines == 1 ? "line was" : "lines were");
    write_all(text, (size_t)length);
}

/* Call with the mutex held. */
static void pass_on(struct stderr_throttle *throttle, const char *text, size_t size)
{
    static const char notice[] = "(more than can be of use; what follows is left out)\n";
    unsigned lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    const struct line_verdict verdict =
        line_limit_take(&throttle->limit, lines, clock_monotonic_ns());
    say_left_out(verdict.left_out);
    if (verdict.pass)
        write_all(text, size);
    else if (verdict.first_left_out)
        write_all(notice, sizeof notice - 1);
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

static bool begins(const char *text, size_t size, const char *word)
{
    return size >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

/* Whether libmpg123 printed it: "Note: ...", "Warning: ..." or "[src/libmpg123/FILE...", where the
 * path is as it was built. A line may have its end in front. */
static bool is_noise(const char *text, size_t size)
{
    while (size > 0 && *text == '\n') {
        text++;
        size--;
    }
    const char *end = size > 0 && *text == '[' ? memchr(text, ':', size) : NULL;
    return begins(text, size, "Note: ") || begins(text, size, "Warning: ") ||
           (end != NULL && memmem(text, (size_t)(end - text), "libmpg123/", 10) != NULL);
}

/* What one call printed: the stream has no buffer. */
static ssize_t take_unless_noise(void *context, const char *text, size_t size)
{
    const struct stderr_throttle *throttle = context;
    if (!is_noise(text, size))
        (void)fwrite(text, 1, size, throttle->before);
    return (ssize_t)size;
}

static struct stderr_throttle *begin(cookie_write_function_t *take, int buffering)
{
    struct stderr_throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle == NULL)
        return NULL;
    throttle->before = stderr;
    throttle->stream = fopencookie(throttle, "w", (cookie_io_functions_t){.write = take});
    if (throttle->stream == NULL) {
        free(throttle);
        return NULL;
    }
    pthread_mutex_init(&throttle->mutex, NULL);
    setvbuf(throttle->stream, NULL, buffering, BUFSIZ);
    stderr = throttle->stream;
    return throttle;
}

struct stderr_throttle *stderr_throttle_begin(unsigned lines_per_s, unsigned lines_per_h)
{
    struct stderr_throttle *throttle = begin(take_text, _IOLBF);
    if (throttle != NULL)
        line_limit_init(&throttle->limit, lines_per_s, lines_per_h);
    return throttle;
}

struct stderr_throttle *stderr_throttle_begin_silence(void)
{
    return begin(take_unless_noise, _IONBF);
}

void stderr_throttle_end(struct stderr_throttle *throttle)
{
    if (throttle == NULL)
        return;
    stderr = throttle->before;
    fclose(throttle->stream);
    say_left_out(throttle->limit.left_out);
    pthread_mutex_destroy(&throttle->mutex);
    free(throttle);
}

#else

struct stderr_throttle *stderr_throttle_begin(unsigned lines_per_s, unsigned lines_per_h)
{
    (void)lines_per_s;
    (void)lines_per_h;
    return NULL;
}

struct stderr_throttle *stderr_throttle_begin_silence(void)
{
    return NULL;
}

void stderr_throttle_end(struct stderr_throttle *throttle)
{
    (void)throttle;
}

#endif
