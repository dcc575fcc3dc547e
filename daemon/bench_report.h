/* bench_report.h - what a bench measured, as text for a person or as JSON.
 *
 * The JSON is one object; a key is never renamed, and keys may be added:
 *
 *   version, model, sha256, kernel     strings: the program, the model, the network's kernel
 *   hop_s                              seconds, as rounded to whole columns
 *   multiply_adds                      of a window
 *   peaks                              [{instructions, gmac_per_s}]: ways to multiply and add bytes
 *                                      exactly, timed on registers alone, on one core
 *   peak_gmac_per_s                    the best of them
 *   resampler_per_s, frontend_per_s, level_per_s, whole_per_s
 *                                      {median_ms, min_ms, runs} per second of sound
 *   network_per_window                 the same per window, and multiply_adds, gmac_per_s (billions
 *                                      a second, in the least time), share_of_peak (0 to 1)
 *   network_per_following_window       {median_ms, min_ms, runs} of a window hop_s after the one
 *                                      before, where what was computed for that is reused
 *   pointwise_32_inputs_per_window     the 1x1 layers with 32 or more input channels together:
 *                                      layers (their number), median_ms, min_ms (sums of the
 *                                      layers' own), multiply_adds, gmac_per_s, share_of_peak
 *   share_of_core                      that one live stream takes, 0 to 1, in the median
 *   times_real_time                    1 / share_of_core
 *   sustainable_hop_s                  the shortest hop with half of one core; null: none
 *   sustainable_streams_per_core       at hop_s, with half of a core
 *   cores                              that the process may use
 *   sustainable_streams                on all of them, were each as fast alone as beside the others
 *   layers                             {name: {kind, in, out ([time, frequency, channels]), kernel,
 *                                      stride ([time, frequency]), median_ms, min_ms, runs,
 *                                      multiply_adds, gmac_per_s, share_of_peak}}
 *
 * gmac_per_s and share_of_peak are 0 for a layer without multiply-adds, or with a time that is too
 * short for the clock.
 */
#ifndef TUTTI_DAEMON_BENCH_REPORT_H
#define TUTTI_DAEMON_BENCH_REPORT_H

#include "daemon/bench.h"

#include <stdio.h>

/* Of a core: what is safe to ask for all day. */
#define BENCH_SUSTAINED_SHARE 0.5

/* Tables of the stages and the kinds of layers; all_layers: of each layer, too. */
void bench_report_text(FILE *stream, const struct model *model, const struct bench *bench,
                       const struct bench_figures *figures, bool all_layers);

/* One line. */
void bench_report_json(FILE *stream, const struct model *model, const struct bench *bench,
                       const struct bench_figures *figures);

#endif
