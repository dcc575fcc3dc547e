#include "daemon/feature_stream.h"

#include "daemon/clock.h"
#include "dsp/level.h"
#include "dsp/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MIN_S 0.01
#define WINDOW_MAX_S 60.0

struct feature_stream {
    unsigned rate_hz;
    unsigned model_rate_hz;
    unsigned hop_frames; /* at model_rate_hz */
    unsigned mel_bands;
    uint64_t window_frames; /* of the model's window, at rate_hz */
    struct resampler *resampler;
    struct frontend *frontend;
    struct level *level;
    feature_column_callback *callback;
    void *context;

    bool begun;             /* something was fed since the stream began or finished */
    uint64_t origin_frame;  /* the source's frame that is the resampler's sample 0 */
    uint64_t next_frame;    /* the source's frame that is to be fed next */
    uint64_t captured_ns;   /* when the block being fed arrived ... */
    uint64_t arrived_frame; /* ... with the last frame before this one */
    uint64_t lost_frames;   /* not yet told in a column */
    uint64_t silence_begin; /* the silence that was put in last: from this frame ... */
    uint64_t silence_end;   /* ... up to this one */
    struct column column;
};

struct frontend_config feature_stream_frontend(const struct model *model)
{
    const struct model_frontend *from = model_frontend(model);
    return (struct frontend_config){
        .rate_hz = from->rate_hz,
        .fft_frames = from->fft_frames,
        .window_frames = from->window_frames,
        .hop_frames = from->hop_frames,
        .mel_bands = from->mel_bands,
        .low_hz = from->low_hz,
        .high_hz = from->high_hz,
        .preemphasis = from->preemphasis,
        .log_offset = from->log_offset,
        .add = from->add,
        .divide = from->divide,
    };
}

double feature_stream_column_s(const struct model *model)
{
    const struct model_frontend *frontend = model_frontend(model);
    return (double)frontend->hop_frames / (double)frontend->rate_hz;
}

double feature_stream_window_s(const struct model *model)
{
    const struct model_frontend *frontend = model_frontend(model);
    return (double)frontend->columns * (double)frontend->hop_frames / (double)frontend->rate_hz;
}

enum tutti_status feature_stream_check(const struct model *model, struct tutti_error *error)
{
    const double window_s = feature_stream_window_s(model);
    if (!(window_s >= WINDOW_MIN_S && window_s <= WINDOW_MAX_S))
        return tutti_error_set(error, TUTTI_ERROR_UNSUPPORTED,
                               "the model's window of %g s is not %g to %g s long", window_s,
                               WINDOW_MIN_S, WINDOW_MAX_S);
    return TUTTI_OK;
}

struct feature_stream *feature_stream_new(const struct model *model, unsigned rate_hz,
                                          feature_column_callback *callback, void *context,
                                          struct tutti_error *error)
{
    const struct frontend_config config = feature_stream_frontend(model);
    struct feature_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the front end");
        return NULL;
    }
    stream->rate_hz = rate_hz;
    stream->callback = callback;
    stream->context = context;
    stream->resampler =
        resampler_new(rate_hz, config.rate_hz, config.high_hz, CAPTURE_BLOCK_FRAMES, error);
    if (stream->resampler != NULL)
        stream->frontend = frontend_new(&config, error);
    if (stream->frontend == NULL) {
        feature_stream_free(stream);
        return NULL;
    }
    stream->level = level_new(rate_hz);
    if (stream->level == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory for the level meter");
        feature_stream_free(stream);
        return NULL;
    }
    stream->model_rate_hz = config.rate_hz;
    stream->hop_frames = config.hop_frames;
    stream->mel_bands = config.mel_bands;
    stream->window_frames = (uint64_t)llround(feature_stream_window_s(model) * rate_hz);
    return stream;
}

void feature_stream_free(struct feature_stream *stream)
{
    if (stream == NULL)
        return;
    resampler_free(stream->resampler);
    frontend_free(stream->frontend);
    level_free(stream->level);
    free(stream);
}

/* The source's frame one hop after the centre of column `index`: whole hops read as round seconds.
 * Whole seconds apart from the rest, so that no product overflows. */
static uint64_t column_end_frame(const struct feature_stream *stream, uint64_t index)
{
    const uint64_t frames = (index + 1) * stream->hop_frames;
    const uint64_t second = stream->model_rate_hz;
    const uint64_t end = stream->origin_frame + frames / second * stream->rate_hz +
                         frames % second * stream->rate_hz / second;
    return end < stream->next_frame ? end : stream->next_frame;
}

/* When the sound up to end_frame arrived: so much before the block that released the column as its
 * end lies behind. */
static uint64_t column_captured_ns(const struct feature_stream *stream, uint64_t end_frame)
{
    if (stream->captured_ns == 0 || end_frame >= stream->arrived_frame)
        return stream->captured_ns;
    const uint64_t age_ns = clock_frames_to_ns(stream->arrived_frame - end_frame, stream->rate_hz);
    return age_ns < stream->captured_ns ? stream->captured_ns - age_ns : 1;
}

static void take_column(void *context, uint64_t index, const float *bands)
{
    struct feature_stream *stream = context;
    struct column *column = &stream->column;
    const struct level_reading level = level_read(stream->level);
    column->index = index;
    column->end_frame = column_end_frame(stream, index);
    column->captured_ns = column_captured_ns(stream, column->end_frame);
    column->lost_frames = stream->lost_frames;
    column->level_dbfs = level.rms_dbfs;
    column->peak_dbfs = level.peak_dbfs;
    column->clipped = level.clipped ? 1 : 0;
    column->inserted =
        column->end_frame > stream->silence_begin && column->end_frame <= stream->silence_end;
    memcpy(column->bands, bands, stream->mel_bands * sizeof *bands);
    stream->lost_frames = 0;
    stream->callback(stream->context, column);
}

static void feed_samples(struct feature_stream *stream, const float *samples, size_t frames)
{
    const float *resampled;
    level_feed(stream->level, samples, frames);
    stream->next_frame += frames;
    const size_t n = resampler_feed(stream->resampler, samples, frames, &resampled);
    frontend_feed(stream->frontend, resampled, n, take_column, stream);
}

static void feed_silence(struct feature_stream *stream, uint64_t frames)
{
    static const float silence[CAPTURE_BLOCK_FRAMES];
    while (frames > 0) {
        const size_t n = frames < CAPTURE_BLOCK_FRAMES ? (size_t)frames : CAPTURE_BLOCK_FRAMES;
        feed_samples(stream, silence, n);
        frames -= n;
    }
}

/* A loss so long that nothing before it belongs in a window with what follows. */
static void start_afresh(struct feature_stream *stream, uint64_t first_frame)
{
    static const float silence[CAPTURE_BLOCK_FRAMES];
    if (stream->begun)
        feature_stream_finish(stream);
    /* The meter knows no gaps: let it hear more silence than the 400 ms that it remembers. */
    for (unsigned frames = 0; frames < stream->rate_hz / 2; frames += CAPTURE_BLOCK_FRAMES)
        level_feed(stream->level, silence, CAPTURE_BLOCK_FRAMES);
    stream->origin_frame = first_frame;
    stream->next_frame = first_frame;
}

void feature_stream_feed(struct feature_stream *stream, const struct capture_block *block)
{
    size_t frames = block->frames < CAPTURE_BLOCK_FRAMES ? block->frames : CAPTURE_BLOCK_FRAMES;
    const float *samples = block->samples;
    uint64_t first_frame = block->first_frame;
    if (first_frame + frames <= stream->next_frame)
        return;
    stream->captured_ns = block->captured_ns;
    stream->arrived_frame = first_frame + frames;
    if (first_frame > stream->next_frame) {
        const uint64_t missing = first_frame - stream->next_frame;
        if (missing > stream->window_frames)
            start_afresh(stream, first_frame);
        stream->lost_frames += missing;
        stream->silence_begin = stream->next_frame;
        stream->silence_end = first_frame;
        feed_silence(stream, first_frame - stream->next_frame);
    } else if (first_frame < stream->next_frame) {
        const uint64_t known = stream->next_frame - first_frame;
        samples += known;
        frames -= (size_t)known;
    }
    stream->begun = true;
    feed_samples(stream, samples, frames);
}

void feature_stream_finish(struct feature_stream *stream)
{
    const float *resampled;
    size_t n;
    while ((n = resampler_flush(stream->resampler, &resampled)) > 0)
        frontend_feed(stream->frontend, resampled, n, take_column, stream);
    frontend_finish(stream->frontend, take_column, stream);
    resampler_reset(stream->resampler);
    stream->origin_frame = stream->next_frame;
    stream->begun = false;
}
