/* test_presence.c - daemon/presence.h, on probabilities as a network with a window
 * of 3 s gives them: a logistic curve of the share of the window that has sounded. */
#include "daemon/presence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RATE_HZ 48000
#define WINDOW_S 3.0
#define THRESHOLD 0.5f

static const float thresholds[3] = {THRESHOLD, THRESHOLD, THRESHOLD};

/* The curve of network() below: a fifth of its rise is reached when a share of 0.26 has sounded,
 * and it has fallen to three fifths when a share of 0.61 has been silent. */
static const struct presence_tuning tuning_of_network = {.off_ratio = 0.6f,
                                                         .off_hold_s = 0.5,
                                                         .rise_fraction = 0.2f,
                                                         .rise_lag = 0.26,
                                                         .fall_fraction = 0.6f,
                                                         .fall_lag = 0.61};

static struct presence_config config_of(size_t labels, double hop_s, double smoothing_s)
{
    return (struct presence_config){.labels = labels,
                                    .threshold = thresholds,
                                    .rate_hz = RATE_HZ,
                                    .hop_s = hop_s,
                                    .window_s = WINDOW_S,
                                    .smoothing_s = smoothing_s,
                                    .tuning = &tuning_of_network};
}

/* A part that sounds from begin_s to end_s. */
struct part {
    double begin_s, end_s;
};

/* The share of the window that ends at t in which one of the parts sounds. */
static double share_heard(const struct part *parts, size_t count, double t)
{
    double heard = 0;
    for (size_t i = 0; i < count; i++) {
        double from = fmax(parts[i].begin_s, t - WINDOW_S);
        double to = fmin(parts[i].end_s, t);
        heard += fmax(to - from, 0);
    }
    return heard / WINDOW_S;
}

static float network(double share)
{
    return (float)(1 / (1 + exp(5.0 - 14.0 * share)));
}

struct heard {
    struct presence_event events[64];
    size_t count;
};

static void keep(struct heard *heard, const struct presence_event *events, size_t count)
{
    assert_true(heard->count + count <= 64);
    memcpy(heard->events + heard->count, events, count * sizeof *events);
    heard->count += count;
}

/* Plays parts of one label to a tracker until end_s, with noise of this height on the
 * probability. */
static void play(struct presence *presence, const struct part *parts, size_t count, double hop_s,
                 double end_s, double noise, struct heard *heard)
{
    unsigned random = 3;
    for (int i = 1; i * hop_s <= end_s + 1e-9; i++) {
        double t = i * hop_s;
        random = random * 1103515245u + 12345u;
        double shaken = noise * ((double)(random >> 16 & 0x7FFF) / 0x4000 - 1);
        struct result result = {.end_frame = (uint64_t)llround(t * RATE_HZ)};
        result.probability[0] = network(share_heard(parts, count, t)) + (float)shaken;
        struct presence_event events[2];
        keep(heard, events, presence_take(presence, &result, events));
    }
}

static void assert_event(const struct heard *heard, size_t index, enum presence_change change,
                         double t, double tolerance_s)
{
    if (index >= heard->count) {
        fail_msg("only %zu events, no event %zu", heard->count, index);
    }
    const struct presence_event *event = &heard->events[index];
    assert_int_equal(event->change, change);
    double found = (double)event->frame / RATE_HZ;
    if (!(fabs(found - t) <= tolerance_s)) {
        fail_msg("event %zu at %.3f s instead of %.3f s", index, found, t);
    }
    assert_true(event->confidence >= 0 && event->confidence <= 1);
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    const float high[] = {1}, low[] = {0}, none[] = {NAN};
    const struct presence_config good = config_of(1, 0.25, 0.5);
    struct presence_tuning tuning = presence_default_tuning;
    tuning.rise_fraction = 0;
    struct presence_config bad[12];
    for (size_t i = 0; i < 12; i++) {
        bad[i] = good;
    }
    bad[0].labels = 0;
    bad[1].labels = MAX_LABELS + 1;
    bad[2].threshold = NULL;
    bad[3].threshold = high;
    bad[4].threshold = low;
    bad[5].threshold = none;
    bad[6].rate_hz = 0;
    bad[7].hop_s = 0;
    bad[8].window_s = NAN;
    bad[9].smoothing_s = -1;
    bad[10].smoothing_s = INFINITY;
    bad[11].tuning = &tuning;
    for (size_t i = 0; i < 12; i++) {
        assert_null(presence_new(&bad[i]));
    }
    presence_free(NULL);
    struct presence *presence = presence_new(&good);
    assert_non_null(presence);
    presence_free(presence);
}

static void test_probabilities_out_of_range(void **state)
{
    (void)state;
    struct presence_config config = config_of(3, 0.25, 0);
    struct presence *presence = presence_new(&config);
    struct presence_event events[6];
    struct result result = {.end_frame = 12000, .probability = {NAN, INFINITY, -INFINITY}};
    assert_int_equal(presence_take(presence, &result, events), 1);
    const float *probability = presence_probability(presence);
    assert_true(probability[0] == 0 && probability[1] == 1 && probability[2] == 0);
    assert_true(!presence_present(presence)[0] && presence_present(presence)[1]);
    presence_free(presence);
}

static void test_silence_has_no_events(void **state)
{
    (void)state;
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {.count = 0};
    play(presence, NULL, 0, 0.25, 20, 0.1, &heard);
    assert_int_equal(heard.count, 0);
    struct presence_event event;
    assert_int_equal(presence_finish(presence, 20 * RATE_HZ, &event), 0);
    presence_free(presence);
}

/* One entry and exit, at places that do not fall on results, for several hops and smoothings: the
 * times are right within 0.3 s (exits: 0.4 s), though they are noticed seconds later. */
static void test_times_are_traced_back(void **state)
{
    (void)state;
    const double hops[] = {0.05, 0.1, 0.25, 0.5};
    const double smoothings[] = {0, 0.5, 1.5};
    for (size_t i = 0; i < 4 * 3; i++) {
        double hop_s = hops[i / 3];
        double smoothing_s = smoothings[i % 3];
        for (double shift_s = 0; shift_s < 0.5; shift_s += 0.09) {
            const struct part part = {10 + shift_s, 20 + 0.7 * shift_s};
            struct presence_config config = config_of(1, hop_s, smoothing_s);
            struct presence *presence = presence_new(&config);
            struct heard heard = {.count = 0};
            play(presence, &part, 1, hop_s, 40, 0.02, &heard);
            assert_int_equal(heard.count, 2);
            assert_event(&heard, 0, PRESENCE_ONSET, part.begin_s, 0.3);
            assert_event(&heard, 1, PRESENCE_OFFSET, part.end_s, 0.4);
            assert_true(heard.events[0].confidence >= THRESHOLD);
            assert_true(heard.events[1].confidence > 0.8f);
            presence_free(presence);
        }
    }
}

static void test_what_sounds_from_the_start(void **state)
{
    (void)state;
    const struct part part = {0, 100};
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {.count = 0};
    play(presence, &part, 1, 0.25, 10, 0, &heard);
    assert_int_equal(heard.count, 1);
    assert_event(&heard, 0, PRESENCE_ONSET, 0, 0.3);
    assert_true(presence_present(presence)[0]);
    presence_free(presence);
}

static void test_two_entries_in_a_row(void **state)
{
    (void)state;
    const struct part parts[] = {{5, 12}, {17, 25}, {30, 36}};
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {.count = 0};
    play(presence, parts, 3, 0.25, 45, 0.02, &heard);
    assert_int_equal(heard.count, 6);
    for (size_t i = 0; i < 3; i++) {
        assert_event(&heard, 2 * i, PRESENCE_ONSET, parts[i].begin_s, 0.4);
        assert_event(&heard, 2 * i + 1, PRESENCE_OFFSET, parts[i].end_s, 0.5);
    }
    presence_free(presence);
}

static void test_a_short_rest_is_no_exit(void **state)
{
    (void)state;
    const struct part parts[] = {{5, 12}, {12.8, 20}};
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {.count = 0};
    play(presence, parts, 2, 0.25, 30, 0.02, &heard);
    assert_int_equal(heard.count, 2);
    presence_free(presence);
}

/* One result far off, up or down, is smoothed away; a probability that wanders between the two
 * levels changes nothing. */
static void test_flicker(void **state)
{
    (void)state;
    struct presence_config config = config_of(3, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct presence_event events[6];
    size_t count = 0;
    for (int i = 1; i <= 400; i++) {
        struct result result = {.end_frame = (uint64_t)i * RATE_HZ / 4};
        result.probability[0] = i % 10 == 0 ? 0.95f : 0.02f;
        result.probability[1] = i % 10 == 0 ? 0.05f : 0.98f;
        result.probability[2] = i < 20 ? 0.8f : i % 8 < 4 ? 0.36f : 0.49f;
        count += presence_take(presence, &result, events);
    }
    assert_int_equal(count, 2); /* the entries of the second and third */
    assert_false(presence_present(presence)[0]);
    assert_true(presence_present(presence)[1]);
    assert_true(presence_present(presence)[2]);
    presence_free(presence);
}

/* Random probabilities: events of a label alternate, their times increase and never lie ahead. */
static void test_order_of_events(void **state)
{
    (void)state;
    struct presence_config config = config_of(3, 0.1, 0.2);
    struct presence *presence = presence_new(&config);
    bool present[3] = {false};
    uint64_t last[3] = {0};
    unsigned random = 11;
    size_t total = 0;
    for (uint64_t i = 1; i <= 20000; i++) {
        struct result result = {.end_frame = i * RATE_HZ / 10};
        for (size_t label = 0; label < 3; label++) {
            random = random * 1103515245u + 12345u;
            bool loud = (i / (7 + label) + label) % 3 == 0;
            result.probability[label] =
                (float)(random >> 16 & 0x7FFF) / 0x7FFF * (loud ? 1.0f : 0.5f);
        }
        result.afresh = i % 1000 == 0;
        struct presence_event events[6];
        size_t count = presence_take(presence, &result, events);
        for (size_t k = 0; k < count; k++) {
            size_t label = events[k].label;
            assert_int_equal(events[k].change, present[label] ? PRESENCE_OFFSET : PRESENCE_ONSET);
            present[label] = !present[label];
            assert_true(events[k].frame >= last[label]);
            assert_true(events[k].frame <= result.end_frame);
            last[label] = events[k].frame;
        }
        total += count;
    }
    assert_true(total > 100);
    presence_free(presence);
}

static void test_disabled_labels_are_never_present(void **state)
{
    (void)state;
    const bool enabled[] = {false, true, true};
    struct presence_config config = config_of(3, 0.25, 0);
    config.enabled = enabled;
    struct presence *presence = presence_new(&config);
    struct result result = {.end_frame = 12000, .probability = {1, 1, 0}};
    struct presence_event events[6];
    assert_int_equal(presence_take(presence, &result, events), 1);
    assert_int_equal(events[0].label, 1);
    presence_free(presence);
}

/* After the loss of a minute: what was present ended with the last result before, and what is
 * there afterwards came in with the sound, not before. */
static void test_a_long_loss(void **state)
{
    (void)state;
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct presence_event events[2];
    struct heard heard = {.count = 0};
    for (int i = 1; i <= 80; i++) {
        struct result result = {.end_frame = (uint64_t)i * RATE_HZ / 4, .probability = {0.9f}};
        if (i > 40) {
            result.end_frame += 60 * RATE_HZ;
            result.lost_frames = i == 41 ? 60 * RATE_HZ : 0;
            result.afresh = i == 41;
        }
        keep(&heard, events, presence_take(presence, &result, events));
    }
    assert_int_equal(heard.count, 3);
    assert_event(&heard, 1, PRESENCE_OFFSET, 10, 0);
    assert_event(&heard, 2, PRESENCE_ONSET, 70, 0.25);
    assert_true(heard.events[2].frame >= 70 * RATE_HZ);
    presence_free(presence);
}

/* Smoothing begins anew after a long loss, as at the start: one high result is no entry. */
static void test_smoothing_after_a_long_loss(void **state)
{
    (void)state;
    float smoothed[2][12];
    for (int loss = 0; loss < 2; loss++) {
        struct presence_config config = config_of(1, 0.25, 2);
        struct presence *presence = presence_new(&config);
        struct presence_event events[2];
        struct result result = {.end_frame = RATE_HZ / 4};
        if (loss) {
            presence_take(presence, &result, events);
            result.end_frame += 60 * RATE_HZ;
            result.lost_frames = 60 * RATE_HZ - RATE_HZ / 4;
        }
        result.afresh = 1;
        for (int i = 0; i < 12; i++) {
            result.probability[0] = i == 0 ? 0.9f : 0;
            assert_int_equal(presence_take(presence, &result, events), 0);
            smoothed[loss][i] = presence_probability(presence)[0];
            result.end_frame += RATE_HZ / 4;
            result.lost_frames = 0;
            result.afresh = 0;
        }
        presence_free(presence);
    }
    assert_memory_equal(smoothed[0], smoothed[1], sizeof smoothed[0]);
}

/* A loss that the stream went on after, however long it was told to be: many short ones may have
 * added up. What is present goes on as well. */
static void test_losses_that_the_stream_survives_change_nothing(void **state)
{
    (void)state;
    static const uint64_t lost_s[] = {2, 4};
    for (size_t k = 0; k < sizeof lost_s / sizeof lost_s[0]; k++) {
        struct presence_config config = config_of(1, 0.25, 0.5);
        struct presence *presence = presence_new(&config);
        struct presence_event events[2];
        size_t count = 0;
        for (int i = 1; i <= 80; i++) {
            struct result result = {.end_frame = (uint64_t)i * RATE_HZ / 4, .probability = {0.9f}};
            result.lost_frames = i == 41 ? lost_s[k] * RATE_HZ : 0;
            count += presence_take(presence, &result, events);
        }
        assert_int_equal(count, 1);
        presence_free(presence);
    }
}

/* Up for a moment only, far shorter than the network takes to forget: an entry and an exit that a
 * person can tell apart, between the entry and now. */
static void test_a_flicker_has_a_length(void **state)
{
    (void)state;
    const double hops[] = {0.05, 0.25, 1};
    for (size_t k = 0; k < 3; k++) {
        struct presence_config config = config_of(1, hops[k], 0);
        config.tuning = NULL;
        struct presence *presence = presence_new(&config);
        struct heard heard = {.count = 0};
        uint64_t now = 0;
        for (int i = 1; i * hops[k] < 20; i++) {
            struct presence_event events[2];
            struct result result = {.end_frame = (uint64_t)llround(i * hops[k] * RATE_HZ)};
            result.probability[0] = i * hops[k] >= 10 && i * hops[k] < 11 ? 0.9f : 0.01f;
            const size_t count = presence_take(presence, &result, events);
            now = count > 0 ? result.end_frame : now;
            keep(&heard, events, count);
        }
        assert_int_equal(heard.count, 2);
        assert_event(&heard, 0, PRESENCE_ONSET, 10 - 0.5 * hops[k] - 0.24, 0.5 * hops[k]);
        assert_int_equal(heard.events[1].frame - heard.events[0].frame,
                         (uint64_t)llround(hops[k] * RATE_HZ));
        assert_true(heard.events[1].frame <= now);
        presence_free(presence);
    }
}

static void test_the_end_of_the_sound(void **state)
{
    (void)state;
    const struct part part = {5, 100};
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {.count = 0};
    play(presence, &part, 1, 0.25, 15, 0, &heard);
    struct presence_event event;
    assert_int_equal(presence_finish(presence, 15 * RATE_HZ, &event), 1);
    assert_int_equal(event.change, PRESENCE_OFFSET);
    assert_int_equal(event.frame, 15 * RATE_HZ);
    assert_int_equal(presence_finish(presence, 15 * RATE_HZ, &event), 0);
    presence_free(presence);
}

/* The sound pauses while something plays, and goes on with it: it comes in anew, not before the
 * sound does, and what was smoothed before the pause is forgotten. */
static void test_a_pause_of_the_sound(void **state)
{
    (void)state;
    const struct part part = {5, 100};
    struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {.count = 0};
    play(presence, &part, 1, 0.25, 15, 0, &heard);
    struct presence_event events[2];
    assert_int_equal(presence_finish(presence, 15 * RATE_HZ, events), 1);
    struct result result = {.end_frame = 15 * RATE_HZ + RATE_HZ / 4, .probability = {0.9f}};
    size_t count = presence_take(presence, &result, events);
    assert_int_equal(count, 0);
    assert_true(presence_probability(presence)[0] < 0.5f);
    for (int i = 0; i < 20 && count == 0; i++) {
        result.end_frame += RATE_HZ / 4;
        count = presence_take(presence, &result, events);
    }
    assert_int_equal(count, 1);
    assert_int_equal(events[0].change, PRESENCE_ONSET);
    assert_in_range(events[0].frame, 15 * RATE_HZ, 15 * RATE_HZ + RATE_HZ / 4);
    presence_free(presence);
}

/* Frame counts beyond 32 bits, as after a day at 48 kHz. */
static void test_large_frame_counts(void **state)
{
    (void)state;
    const uint64_t start = UINT64_C(1) << 40;
    struct presence_config config = config_of(1, 0.25, 0);
    struct presence *presence = presence_new(&config);
    struct presence_event events[2];
    struct heard heard = {.count = 0};
    for (uint64_t i = 1; i <= 60; i++) {
        struct result result = {.end_frame = start + i * RATE_HZ / 4};
        result.probability[0] = i >= 20 ? 0.9f : 0.0f;
        keep(&heard, events, presence_take(presence, &result, events));
    }
    assert_int_equal(heard.count, 1);
    double t = (double)(heard.events[0].frame - start) / RATE_HZ;
    assert_true(t > 4 && t < 5);
    presence_free(presence);
}

/* The exit that the model located counts, not the one that the probability would be traced back
 * to; that is wrong here, since the fall is early. A rest that is bridged is no exit. */
static void test_exits_located_by_the_model(void **state)
{
    (void)state;
    const struct part heard_part = {10, 20};
    const struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *presence = presence_new(&config);
    struct heard heard = {0};
    for (int i = 1; i <= 120; i++) {
        const double t = i * 0.25;
        struct result result = {.end_frame = (uint64_t)llround(t * RATE_HZ), .located = 1};
        result.probability[0] = network(share_heard(&heard_part, 1, t));
        result.exit_s[0] = t < 10 || t > 23.8 ? NAN : t > 20.8 ? (float)(t - 20.8) : 0;
        if (t > 14 && t < 15)
            result.exit_s[0] = (float)(t - 14); /* a rest */
        struct presence_event events[2];
        keep(&heard, events, presence_take(presence, &result, events));
    }
    assert_int_equal(heard.count, 2);
    assert_event(&heard, 0, PRESENCE_ONSET, 10, 0.1);
    assert_event(&heard, 1, PRESENCE_OFFSET, 20.8, 0.001);
    presence_free(presence);
}

/* Where the model saw no exit, it is traced back as ever. */
static void test_traced_back_where_nothing_is_located(void **state)
{
    (void)state;
    const struct part part = {10, 20};
    const struct presence_config config = config_of(1, 0.25, 0.5);
    struct presence *located = presence_new(&config), *plain = presence_new(&config);
    struct heard from_located = {0}, from_plain = {0};
    for (int i = 1; i <= 120; i++) {
        const double t = i * 0.25;
        struct result result = {.end_frame = (uint64_t)llround(t * RATE_HZ)};
        result.probability[0] = network(share_heard(&part, 1, t));
        struct presence_event events[2];
        keep(&from_plain, events, presence_take(plain, &result, events));
        result.located = 1;
        result.exit_s[0] = NAN;
        keep(&from_located, events, presence_take(located, &result, events));
    }
    assert_int_equal(from_located.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(from_located.events[i].frame, from_plain.events[i].frame);
    presence_free(located);
    presence_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_probabilities_out_of_range),
        cmocka_unit_test(test_silence_has_no_events),
        cmocka_unit_test(test_times_are_traced_back),
        cmocka_unit_test(test_what_sounds_from_the_start),
        cmocka_unit_test(test_two_entries_in_a_row),
        cmocka_unit_test(test_a_short_rest_is_no_exit),
        cmocka_unit_test(test_flicker),
        cmocka_unit_test(test_order_of_events),
        cmocka_unit_test(test_disabled_labels_are_never_present),
        cmocka_unit_test(test_a_long_loss),
        cmocka_unit_test(test_smoothing_after_a_long_loss),
        cmocka_unit_test(test_losses_that_the_stream_survives_change_nothing),
        cmocka_unit_test(test_a_flicker_has_a_length),
        cmocka_unit_test(test_the_end_of_the_sound),
        cmocka_unit_test(test_a_pause_of_the_sound),
        cmocka_unit_test(test_large_frame_counts),
        cmocka_unit_test(test_exits_located_by_the_model),
        cmocka_unit_test(test_traced_back_where_nothing_is_located),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
