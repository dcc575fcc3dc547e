#include "daemon/bench.h"

#include "daemon/feature_stream.h"
#include "daemon/recognition.h"
#include "dsp/frontend.h"
#include "dsp/level.h"
#include "dsp/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST_HOP_S 0.01
/* Half a millisecond or more: long beside what the stopwatch lets pass as undisturbed. */
#define PEAK_MULTIPLY_ADDS ((uint64_t)1 << 26)

#define STAGES 9 /* of bench_measure() */

struct bench {
    const struct model *model;
    struct network *network;
    float *sound;       /* [BENCH_SOURCE_RATE_HZ] a second of noise */
    float *model_sound; /* [rate of the model] */
    size_t model_rate_hz;
    float *columns; /* [2][columns][mel bands]: a sound that repeats itself after a window */
    struct network_memory *memory;
    uint64_t moved_columns; /* of the window that follows the others */
    float probability[MODEL_LABELS_MAX];
    float sink; /* so that no result is unused */

    struct resampler *resampler;
    struct frontend *frontend;
    struct level *level;
    struct feature_stream *stream;
    struct recognition *recognition;
    uint64_t fed;
    struct result result;

    double clock_ms; /* what reading the clock takes */
    double layer_began_ms;
    double *layer_ms; /* [layers][STOPWATCH_MAX_RUNS] */
    size_t run;

    size_t peak; /* the way in which to multiply, and how often */
    uint64_t peak_rounds;
    bench_stage_callback *on_stage; /* NULL: nobody wants to know */
    void *stage_context;
};

/* ---- stages ---- */

static void run_resampler(void *context)
{
    struct bench *bench = context;
    const float *output;
    for (size_t i = 0; i + CAPTURE_BLOCK_FRAMES <= BENCH_SOURCE_RATE_HZ;
         i += CAPTURE_BLOCK_FRAMES) {
        if (resampler_feed(bench->resampler, bench->sound + i, CAPTURE_BLOCK_FRAMES, &output) > 0)
            bench->sink += output[0];
    }
}

static void take_bands(void *context, uint64_t index, const float *bands)
{
    struct bench *bench = context;
    (void)index;
    bench->sink += bands[0];
}

static void run_frontend(void *context)
{
    struct bench *bench = context;
    frontend_feed(bench->frontend, bench->model_sound, bench->model_rate_hz, take_bands, bench);
}

static void run_level(void *context)
{
    struct bench *bench = context;
    for (size_t i = 0; i + CAPTURE_BLOCK_FRAMES <= BENCH_SOURCE_RATE_HZ; i += CAPTURE_BLOCK_FRAMES)
        level_feed(bench->level, bench->sound + i, CAPTURE_BLOCK_FRAMES);
    bench->sink += level_read(bench->level).rms_dbfs;
}

static void run_network(void *context)
{
    struct bench *bench = context;
    network_run(bench->network, bench->columns, bench->probability);
}

static void run_next(void *context)
{
    struct bench *bench = context;
    const struct model_frontend *frontend = model_frontend(bench->model);
    const size_t begin = (size_t)(bench->moved_columns % frontend->columns);
    network_run_next(bench->network, bench->memory, bench->columns + begin * frontend->mel_bands,
                     bench->moved_columns, bench->probability);
    bench->moved_columns += recognition_hop_columns(bench->recognition);
}

static void take_column(void *context, const struct column *column)
{
    struct bench *bench = context;
    if (recognition_take(bench->recognition, column, &bench->result))
        bench->sink += bench->result.probability[0];
}

/* Some hops, so that every run holds as many windows as the others: about a second. */
static size_t whole_hops(const struct bench *bench)
{
    return (size_t)fmax(round(1 / recognition_hop_s(bench->recognition)), 1);
}

static void run_whole(void *context)
{
    struct bench *bench = context;
    const double hop_frames = recognition_hop_s(bench->recognition) * BENCH_SOURCE_RATE_HZ;
    const uint64_t end = bench->fed + (uint64_t)llround((double)whole_hops(bench) * hop_frames);
    while (bench->fed < end) {
        const size_t begin = (size_t)(bench->fed % BENCH_SOURCE_RATE_HZ);
        const uint64_t most =
            end - bench->fed < CAPTURE_BLOCK_FRAMES ? end - bench->fed : CAPTURE_BLOCK_FRAMES;
        struct capture_block block = {.first_frame = bench->fed, .frames = (uint32_t)most};
        if (block.frames > BENCH_SOURCE_RATE_HZ - begin)
            block.frames = (uint32_t)(BENCH_SOURCE_RATE_HZ - begin);
        memcpy(block.samples, bench->sound + begin, block.frames * sizeof *block.samples);
        bench->fed += block.frames;
        feature_stream_feed(bench->stream, &block);
    }
}

static struct stopwatch_result measure_whole(struct bench *bench, double seconds)
{
    struct stopwatch_result time = stopwatch_run(run_whole, bench, seconds);
    const double run_s = (double)whole_hops(bench) * recognition_hop_s(bench->recognition);
    time.median_ms /= run_s;
    time.min_ms /= run_s;
    return time;
}

static void note_layer(void *context, size_t layer)
{
    struct bench *bench = context;
    double now = stopwatch_wall_ms();
    bench->layer_ms[layer * STOPWATCH_MAX_RUNS + bench->run] =
        fmax(now - bench->layer_began_ms - bench->clock_ms, 0);
    bench->layer_began_ms = now;
}

/* A run that was disturbed is overwritten by the next one. */
static void run_layers(void *context)
{
    struct bench *bench = context;
    const struct stopwatch_reading begin = stopwatch_read();
    bench->layer_began_ms = stopwatch_wall_ms();
    network_run_observed(bench->network, bench->columns, bench->probability, note_layer, bench);
    const struct stopwatch_reading end = stopwatch_read();
    if (stopwatch_undisturbed(&begin, &end) && bench->run + 1 < STOPWATCH_MAX_RUNS)
        bench->run++;
}

static void measure_layers(struct bench *bench, double seconds, struct bench_figures *figures)
{
    bench->run = 0;
    run_layers(bench); /* to warm up */
    bench->run = 0;
    stopwatch_run(run_layers, bench, seconds);
    for (size_t i = 0; i < model_layer_count(bench->model); i++) {
        double *times = bench->layer_ms + i * STOPWATCH_MAX_RUNS;
        figures->layer[i] = stopwatch_summarize(times, bench->run > 0 ? bench->run : 1);
    }
}

static void run_peak(void *context)
{
    struct bench *bench = context;
    bench->sink += (float)network_peak_run(bench->network, bench->peak, bench->peak_rounds);
}

/* Measures each way to multiply, and keeps what is better than what has been measured before. */
static void measure_peaks(struct bench *bench, double seconds, struct bench_figures *figures)
{
    const struct network *network = bench->network;
    for (size_t i = 0; i < BENCH_PEAKS_MAX; i++) {
        struct bench_peak *peak = &figures->peak[i];
        peak->instructions = network_peak_instructions(network, i);
        if (peak->instructions == NULL)
            break;
        const uint64_t of_round = network_peak_run(network, i, 1);
        bench->peak = i;
        bench->peak_rounds = PEAK_MULTIPLY_ADDS / of_round;
        const struct stopwatch_result time = stopwatch_run(run_peak, bench, seconds);
        const double now = bench_gmac_per_s(of_round * bench->peak_rounds, time.min_ms);
        peak->gmac_per_s = fmax(peak->gmac_per_s, now);
        figures->peak_gmac_per_s = fmax(figures->peak_gmac_per_s, peak->gmac_per_s);
        figures->peaks = i + 1;
    }
}

void bench_on_stage(struct bench *bench, bench_stage_callback *callback, void *context)
{
    bench->on_stage = callback;
    bench->stage_context = context;
}

static void begin_stage(const struct bench *bench, int number, const char *stage)
{
    if (bench->on_stage != NULL)
        bench->on_stage(bench->stage_context, stage, (double)number / STAGES);
}

void bench_measure(struct bench *bench, double seconds, struct bench_figures *figures)
{
    *figures = (struct bench_figures){0};
    bench->clock_ms = stopwatch_own_ms();
    begin_stage(bench, 0, "resampler");
    figures->resampler = stopwatch_run(run_resampler, bench, seconds);
    begin_stage(bench, 1, "front end");
    figures->frontend = stopwatch_run(run_frontend, bench, seconds);
    begin_stage(bench, 2, "level");
    figures->level = stopwatch_run(run_level, bench, seconds);
    begin_stage(bench, 3, "everything");
    figures->whole = measure_whole(bench, seconds);
    begin_stage(bench, 4, "peak of the core");
    measure_peaks(bench, seconds / 2, figures);
    begin_stage(bench, 5, "network");
    figures->network = stopwatch_run(run_network, bench, seconds);
    begin_stage(bench, 6, "network");
    figures->network_next = stopwatch_run(run_next, bench, seconds);
    begin_stage(bench, 7, "layers");
    measure_layers(bench, seconds, figures);
    begin_stage(bench, 8, "peak of the core");
    measure_peaks(bench, seconds / 2, figures);
    figures->hop_s = recognition_hop_s(bench->recognition);
}

/* ---- beginning and end ---- */

void bench_free(struct bench *bench)
{
    if (bench == NULL)
        return;
    feature_stream_free(bench->stream);
    recognition_free(bench->recognition);
    resampler_free(bench->resampler);
    frontend_free(bench->frontend);
    level_free(bench->level);
    network_memory_free(bench->memory);
    network_free(bench->network);
    free(bench->sound);
    free(bench->model_sound);
    free(bench->columns);
    free(bench->layer_ms);
    free(bench);
}

/* White noise at -20 dBFS or so, always the same (Numerical Recipes' generator). */
static void fill_with_noise(float *sound, size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        sound[i] = 0.2f * ((float)(state >> 8) / 8388608.0f - 1.0f);
    }
}

static void keep_bands(void *context, uint64_t index, const float *bands)
{
    struct bench *bench = context;
    const struct model_frontend *frontend = model_frontend(bench->model);
    memcpy(bench->columns + (size_t)(index % frontend->columns) * frontend->mel_bands, bands,
           frontend->mel_bands * sizeof *bands);
}

/* Columns as a sound would give them, because zeros may be quicker than numbers. */
static void fill_columns(struct bench *bench)
{
    const struct model_frontend *frontend = model_frontend(bench->model);
    for (size_t fed = 0; fed < (size_t)frontend->columns * frontend->hop_frames;
         fed += bench->model_rate_hz)
        frontend_feed(bench->frontend, bench->model_sound, bench->model_rate_hz, keep_bands, bench);
    frontend_finish(bench->frontend, keep_bands, bench);
    const size_t values = (size_t)frontend->columns * frontend->mel_bands;
    memcpy(bench->columns + values, bench->columns, values * sizeof *bench->columns);
}

static bool make(struct bench *bench, const char *kernel, double hop_s, struct tutti_error *error)
{
    const struct model_frontend *frontend = model_frontend(bench->model);
    const struct frontend_config config = feature_stream_frontend(bench->model);
    struct inference inference;
    bench->network = network_new(bench->model, &(struct network_options){kernel}, error);
    if (bench->network == NULL ||
        inference_open_int8(bench->model, kernel, &inference, error) != TUTTI_OK)
        return false;
    bench->recognition = recognition_new(bench->model, hop_s, &inference, error);
    if (bench->recognition == NULL)
        return false;
    bench->model_rate_hz = frontend->rate_hz;
    bench->resampler = resampler_new(BENCH_SOURCE_RATE_HZ, frontend->rate_hz, frontend->high_hz,
                                     CAPTURE_BLOCK_FRAMES, error);
    bench->frontend = frontend_new(&config, error);
    bench->stream =
        feature_stream_new(bench->model, BENCH_SOURCE_RATE_HZ, take_column, bench, error);
    if (bench->resampler == NULL || bench->frontend == NULL || bench->stream == NULL)
        return false;
    bench->level = level_new(BENCH_SOURCE_RATE_HZ);
    bench->sound = calloc(BENCH_SOURCE_RATE_HZ, sizeof(float));
    bench->model_sound = calloc(frontend->rate_hz, sizeof(float));
    bench->columns = calloc((size_t)2 * frontend->columns * frontend->mel_bands, sizeof(float));
    bench->memory = network_memory_new(bench->network, recognition_hop_columns(bench->recognition));
    bench->layer_ms = calloc(model_layer_count(bench->model) * STOPWATCH_MAX_RUNS, sizeof(double));
    if (bench->level == NULL || bench->sound == NULL || bench->model_sound == NULL ||
        bench->columns == NULL || bench->memory == NULL || bench->layer_ms == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return false;
    }
    fill_with_noise(bench->sound, BENCH_SOURCE_RATE_HZ);
    fill_with_noise(bench->model_sound, frontend->rate_hz);
    fill_columns(bench);
    return true;
}

struct bench *bench_new(const struct model *model, const char *kernel, double hop_s,
                        struct tutti_error *error)
{
    struct bench *bench = calloc(1, sizeof *bench);
    if (bench == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    bench->model = model;
    if (make(bench, kernel, hop_s, error))
        return bench;
    bench_free(bench);
    return NULL;
}

const struct network *bench_network(const struct bench *bench)
{
    return bench->network;
}

/* ---- what follows from the figures ---- */

static void add_layer(struct bench_sum *sum, const struct model_layer_info *layer,
                      const struct stopwatch_result *time)
{
    sum->layers++;
    sum->multiply_adds += layer->multiply_adds;
    sum->median_ms += time->median_ms;
    sum->min_ms += time->min_ms;
}

struct bench_sum bench_sum_kind(const struct model *model, const struct bench_figures *figures,
                                const char *kind)
{
    struct bench_sum sum = {0};
    struct model_layer_info layer;
    for (size_t i = 0; i < model_layer_count(model); i++) {
        model_layer_describe(model, i, &layer);
        if (strcmp(layer.kind, kind) == 0)
            add_layer(&sum, &layer, &figures->layer[i]);
    }
    return sum;
}

struct bench_sum bench_sum_large_pointwise(const struct model *model,
                                           const struct bench_figures *figures)
{
    struct bench_sum sum = {0};
    struct model_layer_info layer;
    for (size_t i = 0; i < model_layer_count(model); i++) {
        model_layer_describe(model, i, &layer);
        if (strcmp(layer.kind, "pointwise") == 0 && layer.in.channels >= BENCH_LARGE_INPUTS)
            add_layer(&sum, &layer, &figures->layer[i]);
    }
    return sum;
}

double bench_gmac_per_s(uint64_t multiply_adds, double ms)
{
    return multiply_adds > 0 && ms > 0 ? 1e-6 * (double)multiply_adds / ms : 0;
}

double bench_sustainable_hop_s(const struct bench *bench, const struct bench_figures *figures,
                               double share)
{
    const struct model_frontend *frontend = model_frontend(bench->model);
    double column_s = (double)frontend->hop_frames / frontend->rate_hz;
    double rest = 1e-3 * (figures->resampler.median_ms + figures->frontend.median_ms +
                          figures->level.median_ms);
    if (rest >= share)
        return -1;
    double hop_s = 1e-3 * figures->network.median_ms / (share - rest);
    return fmax(ceil(hop_s / column_s) * column_s, SHORTEST_HOP_S);
}

size_t bench_sustainable_streams(const struct bench_figures *figures, double share)
{
    return (size_t)(1e3 * share / figures->whole.median_ms);
}
