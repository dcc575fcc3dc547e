#include "daemon/file_magic.h"
#include "daemon/paced_reader.h"
#include "daemon/source_backend.h"
#include "dsp/convert.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_TIMEOUT_MS 100
#define CHUNK_MS 20
/* A program that writes as fast as it can is held to real time, with a second in hand against its
 * hiccups. A live one has a clock of its own: 0.1% is more than any two clocks differ. What comes
 * at once after a pause has to stay below RECOGNIZER_BEHIND_S, or hops would be skipped; it has to
 * be more than the second in hand, or a live program would be taken for late. */
#define AHEAD_MS 1000
#define CATCH_UP_MS 1250
#define FASTER_PPM 1000

struct standard_input {
    struct convert_format format;
    int channel;
    size_t frame_size;     /* bytes */
    unsigned char *buffer; /* one chunk */
    size_t buffer_size;
    size_t pending; /* bytes of an unfinished frame at the start of buffer */
    struct source *source;
    unsigned char head[FILE_MAGIC_BYTES]; /* the first bytes of all */
    size_t head_size;
    struct paced_reader *reader;
};

static bool accepts_stdin(const char *input)
{
    return strcmp(input, "-") == 0;
}

static enum tutti_status open_stdin(struct source *source, const struct source_config *config,
                                    struct tutti_error *error)
{
    struct convert_format format;
    const char *text = config->stdin_format;
    if (text == NULL || text[0] == '\0')
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "What the samples on standard input are was not said; it looks "
                               "like f32le:48000:1");
    enum tutti_status status = convert_parse_format(text, &format, error);
    if (status == TUTTI_OK)
        status = convert_check_channel(config->channel, format.channels, "standard input", error);
    if (status != TUTTI_OK)
        return status;
    if (isatty(STDIN_FILENO))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "Standard input is a terminal; connect a program that writes %s",
                               text);
    struct standard_input *input = calloc(1, sizeof *input);
    const size_t frame_size = convert_frame_size(&format);
    const size_t size = (size_t)format.rate_hz * CHUNK_MS / 1000 * frame_size;
    unsigned char *buffer = malloc(size);
    if (input == NULL || buffer == NULL) {
        free(input);
        free(buffer);
        return tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for standard input");
    }
    *input = (struct standard_input){
        .format = format,
        .channel = config->channel,
        .frame_size = frame_size,
        .buffer = buffer,
        .buffer_size = size,
        .source = source,
    };
    source->self = input;
    source->rate_hz = format.rate_hz;
    snprintf(source->name, sizeof source->name, "standard input");
    return TUTTI_OK;
}

/* Bytes that came; 0: none yet; -1: the end; -2: a fault. Never waits long. */
static ssize_t read_bytes(unsigned char *to, size_t size)
{
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    const int ready = poll(&waiting, 1, POLL_TIMEOUT_MS);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return 0;
    if (ready < 0 || (waiting.revents & POLLNVAL) != 0)
        return -2;
    const ssize_t n = read(STDIN_FILENO, to, size);
    if (n > 0)
        return n;
    if (n == 0)
        return -1;
    return errno == EINTR || errno == EAGAIN ? 0 : -2;
}

/* Whether somebody sends a file, which would be heard as noise: known from its first bytes. */
static void look_at_head(struct standard_input *input, const unsigned char *bytes, size_t size)
{
    while (size > 0 && input->head_size < sizeof input->head) {
        input->head[input->head_size++] = *bytes++;
        size--;
        if (input->head_size == sizeof input->head)
            atomic_store_explicit(&input->source->looks_like, file_magic_name(input->head),
                                  memory_order_release);
    }
}

static enum paced_read read_stdin(void *context, float *mono, size_t *frames)
{
    struct standard_input *input = context;
    size_t size = *frames * input->frame_size;
    if (size > input->buffer_size)
        size = input->buffer_size;
    *frames = 0;
    const ssize_t n = read_bytes(input->buffer + input->pending, size - input->pending);
    if (n < 0) /* bytes of an unfinished frame are no sound */
        return n == -1 ? PACED_READ_ENDED : PACED_READ_FAILED;
    look_at_head(input, input->buffer + input->pending, (size_t)n);
    const size_t bytes = input->pending + (size_t)n;
    *frames = bytes / input->frame_size;
    convert_to_mono(&input->format, input->channel, input->buffer, *frames, mono);
    input->pending = bytes % input->frame_size;
    memmove(input->buffer, input->buffer + bytes - input->pending, input->pending);
    return PACED_READ_MORE;
}

static enum tutti_status start_stdin(struct source *source, struct tutti_error *error)
{
    struct standard_input *input = source->self;
    const struct paced_reader_config config = {
        .source = source,
        .channels = 1,
        .channel = CAPTURE_MIX_ALL,
        .chunk_ms = CHUNK_MS,
        .ahead_ms = AHEAD_MS,
        .catch_up_ms = CATCH_UP_MS,
        .faster_ppm = FASTER_PPM,
        .read = read_stdin,
        .context = input,
    };
    struct tutti_error reason = {.status = TUTTI_ERROR_MEMORY};
    input->reader = paced_reader_start(&config, &reason);
    if (input->reader == NULL)
        return tutti_error_set(error, reason.status, "%s", reason.text);
    return TUTTI_OK;
}

static bool stop_stdin(struct source *source)
{
    struct standard_input *input = source->self;
    paced_reader_stop(input->reader);
    return true;
}

static void close_stdin(struct source *source)
{
    struct standard_input *input = source->self;
    free(input->buffer);
    free(input);
}

const struct source_backend source_stdin = {
    .kind = "stdin",
    .accepts = accepts_stdin,
    .open = open_stdin,
    .start = start_stdin,
    .stop = stop_stdin,
    .close = close_stdin,
};
