#include "daemon/capture.h"
#include "daemon/clock.h"
#include "daemon/thread.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define LONG_MS 3600000   /* beyond the time limit */
#define MARK_PERIOD 65536 /* so that a sample's value tells its frame, exactly in a float */

/* The frames first ... first + frames - 1, each sample saying which it is. */
static void write_marks(struct capture *capture, uint64_t first, size_t frames)
{
    float *samples = malloc(frames * sizeof *samples);
    for (size_t i = 0; i < frames; i++)
        samples[i] = (float)((first + i) % MARK_PERIOD) / MARK_PERIOD;
    capture_write(capture, samples, frames, 1, CAPTURE_MIX_ALL, 1.0f);
    free(samples);
}

static void assert_marks(const struct capture_block *block)
{
    assert_in_range(block->frames, 1, CAPTURE_BLOCK_FRAMES);
    for (uint32_t i = 0; i < block->frames; i++) {
        const float mark = (float)((block->first_frame + i) % MARK_PERIOD) / MARK_PERIOD;
        if (block->samples[i] != mark)
            fail_msg("frame %llu holds another one's sample",
                     (unsigned long long)(block->first_frame + i));
    }
}

static void refuses_what_is_out_of_range(void **state)
{
    (void)state;
    assert_null(capture_new(7999, 1000));
    assert_null(capture_new(384001, 1000));
    assert_null(capture_new(48000, 9));
    assert_null(capture_new(48000, 60001));
    assert_null(capture_new(0, 0));
    capture_free(NULL);
}

static void starts_empty(void **state)
{
    (void)state;
    struct capture *capture = capture_new(44100, 100);
    struct capture_block block;
    assert_int_equal(capture_rate_hz(capture), 44100);
    assert_false(capture_read(capture, &block));
    assert_false(capture_done(capture));
    assert_int_equal(capture_frames(capture), 0);
    assert_int_equal(capture_lost_frames(capture), 0);
    assert_int_equal(capture_overruns(capture), 0);
    assert_int_equal(capture_last_write_ns(capture), 0);
    capture_write(capture, NULL, 0, 1, 0, 1.0f);
    assert_int_equal(capture_last_write_ns(capture), 0);
    capture_free(capture);
}

/* Chunks of any size come out as whole blocks, and the end brings the rest. */
static void makes_blocks_of_chunks_of_any_size(void **state)
{
    (void)state;
    const size_t chunks[] = {1, 255, 256, 257, 3, 1000, 64};
    struct capture *capture = capture_new(8000, 1000);
    struct capture_block block;
    uint64_t written = 0;
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        write_marks(capture, written, chunks[i]);
        written += chunks[i];
    }
    capture_end(capture);
    assert_int_equal(capture_frames(capture), written);
    uint64_t read = 0;
    while (capture_read(capture, &block)) {
        assert_int_equal(block.first_frame, read);
        assert_true(block.frames == CAPTURE_BLOCK_FRAMES || read + block.frames == written);
        assert_marks(&block);
        read += block.frames;
    }
    assert_int_equal(read, written);
    assert_true(capture_done(capture));
    capture_free(capture);
}

static void stamps_blocks_with_the_time_of_arrival(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 1000);
    struct capture_block block;
    write_marks(capture, 0, 200);
    assert_false(capture_read(capture, &block));
    const uint64_t before_ns = clock_monotonic_ns();
    write_marks(capture, 200, 56);
    assert_true(capture_read(capture, &block));
    assert_in_range(block.captured_ns, before_ns, clock_monotonic_ns());
    assert_int_equal(block.captured_ns, capture_last_write_ns(capture));
    capture_free(capture);
}

static void mixes_channels_and_applies_gain(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 1000);
    struct capture_block block;
    const float frames[3][2] = {{0.5f, 0.25f}, {-1.0f, 0.0f}, {NAN, 0.5f}};
    capture_write(capture, frames[0], 3, 2, CAPTURE_MIX_ALL, 2.0f);
    capture_write(capture, frames[0], 3, 2, 1, 1.0f);
    capture_write(capture, frames[0], 3, 2, 0, 0.5f);
    capture_end(capture);
    assert_true(capture_read(capture, &block));
    assert_int_equal(block.frames, 9);
    const float expected[9] = {0.75f, -1.0f, 0.5f, 0.25f, 0.0f, 0.5f, 0.25f, -0.5f, 0.0f};
    assert_memory_equal(block.samples, expected, sizeof expected);
    capture_free(capture);
}

static void makes_hostile_samples_finite(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 1000);
    struct capture_block block;
    const float samples[4] = {INFINITY, -INFINITY, NAN, 1e30f};
    capture_write(capture, samples, 4, 1, CAPTURE_MIX_ALL, 1000.0f);
    capture_end(capture);
    assert_true(capture_read(capture, &block));
    for (int i = 0; i < 4; i++)
        assert_true(isfinite(block.samples[i]));
    capture_free(capture);
}

/* What the queue holds comes out, then a gap of exactly what was dropped, then sound again. */
static void drops_into_an_exact_gap(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 100);
    struct capture_block block;
    uint64_t written = 0;
    while (capture_lost_frames(capture) == 0) {
        write_marks(capture, written, 100);
        written += 100;
    }
    write_marks(capture, written, 1000);
    written += 1000;
    assert_int_equal(capture_overruns(capture), 1);
    uint64_t expected = 0;
    while (capture_read(capture, &block)) {
        assert_int_equal(block.first_frame, expected);
        assert_marks(&block);
        expected += block.frames;
    }
    assert_true(expected >= 800); /* 100 ms */
    const uint64_t lost = capture_lost_frames(capture);
    write_marks(capture, written, 1000);
    written += 1000;
    assert_true(capture_read(capture, &block));
    assert_marks(&block);
    assert_int_equal(block.first_frame, expected + lost);
    assert_int_equal(capture_lost_frames(capture), lost);
    assert_int_equal(capture_overruns(capture), 1);
    assert_int_equal(capture_frames(capture), written);
    capture_free(capture);
}

static void skips_what_the_device_lost(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 1000);
    struct capture_block block;
    write_marks(capture, 0, 100);
    const uint64_t written_ns = clock_monotonic_ns();
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    capture_skip(capture, 5000);
    write_marks(capture, 5100, 300);
    capture_skip(capture, 0);
    write_marks(capture, 5400, 300);
    capture_end(capture);
    assert_int_equal(capture_frames(capture), 5700);
    assert_int_equal(capture_lost_frames(capture), 5000);
    assert_int_equal(capture_overruns(capture), 2);
    const uint64_t first[] = {0, 5100, 5356, 5400, 5656};
    const uint32_t frames[] = {100, 256, 44, 256, 44};
    for (size_t i = 0; i < 5; i++) {
        assert_true(capture_read(capture, &block));
        assert_int_equal(block.first_frame, first[i]);
        assert_int_equal(block.frames, frames[i]);
        assert_int_equal(block.captured_ns <= written_ns, i == 0); /* not when the outage ended */
        assert_marks(&block);
    }
    assert_true(capture_done(capture));
    capture_free(capture);
}

static void waits_for_room_and_for_the_reader(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 100);
    struct capture_block block;
    uint64_t written = 0;
    while (capture_wait_for_room(capture, 80, 0)) {
        write_marks(capture, written, 80);
        written += 80;
    }
    assert_int_equal(capture_lost_frames(capture), 0);
    assert_false(capture_wait_for_room(capture, 80, 1));
    assert_false(capture_wait_for_room(capture, 1000000, 1));
    capture_wait(capture, 0, LONG_MS); /* there is something: no wait */
    while (capture_read(capture, &block))
        ;
    assert_true(capture_wait_for_room(capture, 80, LONG_MS));
    assert_true(capture_wait_for_room(capture, 1000000, LONG_MS));
    capture_end(capture);
    capture_wait(capture, 0, LONG_MS); /* the end: no wait */
    capture_free(capture);
}

static void *write_8000(void *context)
{
    for (uint64_t i = 0; i < 100; i++)
        write_marks(context, capture_frames(context), 80);
    return NULL;
}

static void *skip_one(void *context)
{
    capture_skip(context, 1);
    return NULL;
}

/* Sleeps until a thread has done something; returns how many blocks there are then. */
static size_t blocks_after(struct capture *capture, void *(*act)(void *), uint64_t frame)
{
    struct capture_block block;
    pthread_t writer;
    size_t blocks = 0;
    capture_wait(capture, frame, 0); /* so that the writer knows from the start */
    assert_int_equal(thread_start(&writer, "writer", act, capture, NULL), TUTTI_OK);
    capture_wait(capture, frame, LONG_MS);
    while (capture_read(capture, &block))
        blocks++;
    pthread_join(writer, NULL);
    return blocks;
}

static void wakes_the_reader_for_what_it_wants(void **state)
{
    (void)state;
    enum { BLOCKS = 8000 / CAPTURE_BLOCK_FRAMES };
    struct capture *capture = capture_new(8000, 4000);
    assert_in_range(blocks_after(capture, write_8000, BLOCKS * CAPTURE_BLOCK_FRAMES), BLOCKS,
                    BLOCKS + 1);
    capture_free(capture);
    capture = capture_new(8000, 1000); /* 32 blocks: half of them are enough */
    assert_in_range(blocks_after(capture, write_8000, UINT64_MAX), 16, 32);
    capture_free(capture);
    capture = capture_new(8000, 1000);
    assert_int_equal(blocks_after(capture, skip_one, UINT64_MAX), 0);
    capture_free(capture);
}

static void tells_when_sound_came_again(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 100);
    const struct timespec pause = {.tv_sec = CAPTURE_PAUSE_S, .tv_nsec = 10000000};
    write_marks(capture, 0, 80);
    assert_int_equal(capture_resumed_ns(capture), 0);
    nanosleep(&pause, NULL);
    const uint64_t before_ns = clock_monotonic_ns();
    write_marks(capture, 80, 80);
    const uint64_t resumed_ns = capture_resumed_ns(capture);
    assert_in_range(resumed_ns, before_ns, clock_monotonic_ns());
    assert_int_equal(resumed_ns, capture_last_write_ns(capture));
    capture_free(capture);
}

enum { CHUNKS = 30000, CHUNK_FRAMES = 97 };

static void *write_all(void *context)
{
    struct capture *capture = context;
    for (uint64_t i = 0; i < CHUNKS; i++)
        write_marks(capture, i * CHUNK_FRAMES, CHUNK_FRAMES);
    capture_end(capture);
    return NULL;
}

/* A writer that is too fast for its reader, so that most is lost: every sample that arrives is at
 * its place, and the gaps are exactly what was counted. */
static void accounts_for_every_frame_between_two_threads(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 10);
    pthread_t writer;
    assert_int_equal(thread_start(&writer, "writer", write_all, capture, NULL), TUTTI_OK);
    uint64_t expected = 0;
    uint64_t missing = 0;
    uint64_t gaps = 0;
    while (!capture_done(capture)) {
        struct capture_block block;
        capture_wait(capture, 0, LONG_MS);
        if (!capture_read(capture, &block))
            continue;
        assert_true(block.first_frame >= expected);
        if (block.first_frame > expected) {
            missing += block.first_frame - expected;
            gaps++;
        }
        assert_marks(&block);
        expected = block.first_frame + block.frames;
    }
    pthread_join(writer, NULL);
    const uint64_t total = (uint64_t)CHUNKS * CHUNK_FRAMES;
    const uint64_t at_the_end = total - expected;
    assert_int_equal(capture_frames(capture), total);
    assert_int_equal(capture_lost_frames(capture), missing + at_the_end);
    assert_int_equal(capture_overruns(capture), gaps + (at_the_end > 0 ? 1 : 0));
    capture_free(capture);
}

static void *write_patiently(void *context)
{
    struct capture *capture = context;
    for (uint64_t i = 0; i < CHUNKS; i++) {
        while (!capture_wait_for_room(capture, CHUNK_FRAMES, LONG_MS))
            ;
        write_marks(capture, i * CHUNK_FRAMES, CHUNK_FRAMES);
    }
    capture_end(capture);
    return NULL;
}

static void loses_nothing_of_a_writer_that_waits(void **state)
{
    (void)state;
    struct capture *capture = capture_new(8000, 100);
    pthread_t writer;
    assert_int_equal(thread_start(&writer, "writer", write_patiently, capture, NULL), TUTTI_OK);
    uint64_t expected = 0;
    while (!capture_done(capture)) {
        struct capture_block block;
        capture_wait(capture, 0, LONG_MS);
        while (capture_read(capture, &block)) {
            assert_int_equal(block.first_frame, expected);
            assert_marks(&block);
            expected += block.frames;
        }
    }
    pthread_join(writer, NULL);
    assert_int_equal(expected, (uint64_t)CHUNKS * CHUNK_FRAMES);
    assert_int_equal(capture_lost_frames(capture), 0);
    capture_free(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_out_of_range),
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(makes_blocks_of_chunks_of_any_size),
        cmocka_unit_test(stamps_blocks_with_the_time_of_arrival),
        cmocka_unit_test(mixes_channels_and_applies_gain),
        cmocka_unit_test(makes_hostile_samples_finite),
        cmocka_unit_test(drops_into_an_exact_gap),
        cmocka_unit_test(skips_what_the_device_lost),
        cmocka_unit_test(waits_for_room_and_for_the_reader),
        cmocka_unit_test(wakes_the_reader_for_what_it_wants),
        cmocka_unit_test(tells_when_sound_came_again),
        cmocka_unit_test(accounts_for_every_frame_between_two_threads),
        cmocka_unit_test(loses_nothing_of_a_writer_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
