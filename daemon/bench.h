/* bench.h - the processor time that each stage of recognition takes on this machine.
 *
 * The stages are those of the daemon, fed with noise: resampler, front end, level
 * meter, network with each of its layers, and all of them together at a hop.
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
    struct stopwatch_result network;
    struct stopwatch_result layer[MODEL_LAYERS_MAX];
    double hop_s; /* as rounded to whole columns */
};

/* Measures each stage for about `seconds`. */
void bench_measure(struct bench *bench, double seconds, struct bench_figures *figures);

/* The shortest hop, in whole columns, at which everything takes `share` of a core; < 0 if there
 * is none. */
double bench_sustainable_hop_s(const struct bench *bench, const struct bench_figures *figures,
                               double share);

#endif
