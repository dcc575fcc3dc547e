/* timeline_fixture.h - a timeline of three labels and a result for each quarter of a
 * second, for the tests of daemon/timeline.h. Include it after cmocka.h.
 */
#ifndef TUTTI_TESTS_SUPPORT_TIMELINE_FIXTURE_H
#define TUTTI_TESTS_SUPPORT_TIMELINE_FIXTURE_H

#include "daemon/clock.h"
#include "daemon/timeline.h"

#define RATE_HZ 48000
#define HOP_FRAMES 12000

static const char *const labels[] = {"cello", "flute", "piano"};
static const float thresholds[] = {0.5f, 0.4f, 0.6f};

static inline struct timeline_config good_config(void)
{
    return (struct timeline_config){.labels = 3,
                                    .label = labels,
                                    .threshold = thresholds,
                                    .model_name = "a \"model\"",
                                    .version = "0.1.0",
                                    .rate_hz = RATE_HZ,
                                    .hop_s = 0.25,
                                    .window_s = 3,
                                    .smoothing_s = 0,
                                    .keep_h = 0.01};
}

static inline struct timeline *new_timeline(void)
{
    struct timeline_config config = good_config();
    struct tutti_error error;
    struct timeline *timeline = timeline_new(&config, &error);
    assert_non_null(timeline);
    return timeline;
}

static uint64_t began_ns; /* CLOCK_MONOTONIC of the sound's first frame: about now */

static inline int begin(void **state)
{
    (void)state;
    began_ns = clock_monotonic_ns();
    return 0;
}

/* Result number i (from 1 on) with these probabilities. */
static inline struct result result_at(uint64_t i, float cello, float flute, float piano)
{
    return (struct result){.end_frame = i * HOP_FRAMES,
                           .captured_ns = began_ns + clock_frames_to_ns(i * HOP_FRAMES, RATE_HZ),
                           .level_dbfs = -20,
                           .peak_dbfs = -10,
                           .probability = {cello, flute, piano}};
}

static inline void add(struct timeline *timeline, uint64_t i, float cello, float flute, float piano)
{
    struct result result = result_at(i, cello, flute, piano);
    timeline_add(timeline, &result);
}

#endif
