/* bench.h - the processor time that each stage of recognition takes on this machine.
 *
 * The stages are those of the daemon, fed with noise: resampler, front end, level
 * meter, network with each of its layers, and all of them together at a hop. What the
 * network reaches is compared with the most multiply-adds that this core can do with
 * the kernel's instructions; that peak is measured in the same run (nn/network.h).
 *
 * Threads: one bench belongs to one thread.
 */
#ifndef TUTTI_DAEMON_BENCH_H
#define TUTTI_DAEMON_BENCH_H

#include "common/status.h"
#include "daemon/stopwatch.h"
#include "nn/model.h"
#include "nn/network.h"

#define BENCH_SOURCE_RATE_HZ 48000u /* what most devices give */

#define BENCH_PEAKS_MAX 4
#define BENCH_LARGE_INPUTS 32 /* channels from which a 1x1 layer counts as a large one */

struct bench; /* opaque */

/* For a model, which must outlive it; kernel NULL: the fastest. NULL with *error filled. */
struct bench *bench_new(const struct model *model, const char *kernel, double hop_s,
                        struct tutti_error *error);
void bench_free(struct bench *bench);

const struct network *bench_network(const struct bench *bench);

struct bench_figures {
    /* Per second of sound from BENCH_SOURCE_RATE_HZ. */
    struct stopwatch_result resampler;
    struct stopwatch_result frontend;
    struct stopwatch_result level;
    struct stopwatch_result whole; /* everything, at the hop */
    /* Per window. */
    struct stopwatch_result network;                 /* a window by itself, all layers */
    struct stopwatch_result network_next;            /* a window a hop after the one before */
    struct stopwatch_result layer[MODEL_LAYERS_MAX]; /* less what reading the clock takes */
    double hop_s;                                    /* as rounded to whole columns */
    /* The ways in which this core can multiply and add bytes, billions a second each. */
    size_t peaks;
    struct bench_peak {
        const char *instructions;
        double gmac_per_s;
    } peak[BENCH_PEAKS_MAX];
    double peak_gmac_per_s; /* the best of them */
};

/* Called by bench_measure() when the measuring of a stage begins: what it is, in a few words, and
 * the share of all stages (0 to 1) that is done. Not while the clock runs. */
typedef void bench_stage_callback(void *context, const char *stage, double done);
void bench_on_stage(struct bench *bench, bench_stage_callback *callback, void *context);

/* Measures each stage for about `seconds`, the peak before and after the network. */
void bench_measure(struct bench *bench, double seconds, struct bench_figures *figures);

/* What some layers cost together, per window. */
struct bench_sum {
    size_t layers;
    uint64_t multiply_adds;
    double median_ms, min_ms; /* sums of the layers' own */
};

/* Of all layers of a kind, or of the large 1x1 layers (pointwise, BENCH_LARGE_INPUTS). */
struct bench_sum bench_sum_kind(const struct model *model, const struct bench_figures *figures,
                                const char *kind);
struct bench_sum bench_sum_large_pointwise(const struct model *model,
                                           const struct bench_figures *figures);

/* Billions of multiply-adds a second; 0 where there are none. */
double bench_gmac_per_s(uint64_t multiply_adds, double ms);

/* The shortest hop, in whole columns, at which everything takes `share` of a core, were every
 * window computed by itself: the careful answer, as what is reused differs with the hop. < 0 if
 * there is none. */
double bench_sustainable_hop_s(const struct bench *bench, const struct bench_figures *figures,
                               double share);

/* How many streams at the hop of the figures take at most `share` of a core. */
size_t bench_sustainable_streams(const struct bench_figures *figures, double share);

#endif
