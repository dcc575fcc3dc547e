#include "daemon/paced_reader.h"

#include "daemon/clock.h"
#include "tests/support/pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    RATE_HZ = 48000,
    CHUNK_MS = 10,
    CHUNK_FRAMES = RATE_HZ * CHUNK_MS / 1000,
    LONG_MS = 3600000
};

/* Something to read from that pauses once. */
struct script {
    int chunks;       /* to be read in all */
    int pause_before; /* this chunk */
    long pause_ms;
    int read;              /* so far */
    uint64_t pause_end_ns; /* 0: not yet */
    enum paced_read outcome;
};

static enum paced_read read_script(void *context, float *interleaved, size_t *frames)
{
    struct script *script = context;
    if (script->read == script->chunks) {
        *frames = 0;
        return script->outcome;
    }
    if (script->read++ == script->pause_before) {
        pause_ms(script->pause_ms);
        script->pause_end_ns = clock_monotonic_ns();
    }
    memset(interleaved, 0, *frames * sizeof *interleaved);
    return PACED_READ_MORE;
}

struct stage {
    struct source source;
    struct paced_reader *reader;
};

static void open_stage(struct stage *stage, struct script *script, uint64_t ahead_ms,
                       uint64_t catch_up_ms)
{
    *stage = (struct stage){.source = {.name = "script", .rate_hz = RATE_HZ, .gain = 1.0f}};
    stage->source.capture = capture_new(RATE_HZ, 10000);
    source_set_state(&stage->source, SOURCE_RUNNING);
    const struct paced_reader_config config = {.source = &stage->source,
                                               .channels = 1,
                                               .channel = CAPTURE_MIX_ALL,
                                               .chunk_ms = CHUNK_MS,
                                               .ahead_ms = ahead_ms,
                                               .catch_up_ms = catch_up_ms,
                                               .read = read_script,
                                               .context = script};
    stage->reader = paced_reader_start(&config, NULL);
    assert_non_null(stage->reader);
}

/* Reads everything; returns when the last of it was delivered. */
static uint64_t hear_all(struct stage *stage)
{
    uint64_t frames = 0;
    uint64_t last_ns = 0;
    struct capture_block block;
    while (!capture_done(stage->source.capture)) {
        capture_wait(stage->source.capture, 0, LONG_MS);
        while (capture_read(stage->source.capture, &block)) {
            assert_int_equal(block.first_frame, frames);
            frames += block.frames;
            last_ns = block.captured_ns;
        }
    }
    return last_ns;
}

static void close_stage(struct stage *stage)
{
    paced_reader_stop(stage->reader);
    capture_free(stage->source.capture);
}

/* Half a second after a pause of as much: it takes its time, less what it may catch up. */
static void does_not_catch_up_a_pause(void **state)
{
    (void)state;
    const uint64_t catch_up_ms[] = {0, 100};
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        struct script script = {
            .chunks = 60, .pause_before = 10, .pause_ms = 500, .outcome = PACED_READ_ENDED};
        open_stage(&stage, &script, 0, catch_up_ms[i]);
        const uint64_t end_ns = hear_all(&stage);
        assert_int_equal(source_state(&stage.source), SOURCE_ENDED);
        /* 50 chunks from the end of the pause on, the first of them at once. */
        assert_true(end_ns - script.pause_end_ns >= (490 - catch_up_ms[i]) * CLOCK_NS_PER_MS);
        close_stage(&stage);
    }
}

/* What it was allowed to run ahead and had not used is not added to what it may catch up. */
static void runs_ahead_after_a_pause_no_further_than_it_may(void **state)
{
    (void)state;
    struct stage stage;
    struct script script = {
        .chunks = 100, .pause_before = 2, .pause_ms = 900, .outcome = PACED_READ_ENDED};
    open_stage(&stage, &script, 200, 300);
    const uint64_t end_ns = hear_all(&stage);
    assert_true(end_ns - script.pause_end_ns >= (970 - 300) * CLOCK_NS_PER_MS);
    close_stage(&stage);
}

static void says_how_it_ended(void **state)
{
    (void)state;
    struct stage stage;
    struct script script = {.chunks = 2, .pause_before = -1, .outcome = PACED_READ_FAILED};
    open_stage(&stage, &script, 0, 0);
    hear_all(&stage);
    assert_int_equal(source_state(&stage.source), SOURCE_LOST);
    close_stage(&stage);
    paced_reader_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_not_catch_up_a_pause),
        cmocka_unit_test(runs_ahead_after_a_pause_no_further_than_it_may),
        cmocka_unit_test(says_how_it_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
