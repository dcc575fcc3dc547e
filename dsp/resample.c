#include "dsp/resample.h"

#include "common/divisor.h"

#include <math.h>
#include <soxr.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_FRAMES = 256, /* the most that soxr is given at once after the warm-up */
    /* soxr's internal queues grow whenever a piece does not fit behind what they
     * hold; they move their content to the front instead once more than 4,096
     * floats have been taken out before it. So a queue is as large as it will ever
     * be when pieces that are clearly larger than all later ones have gone through
     * it past that place several times. */
    WARM_UP_PIECE_FRAMES = 8 * PIECE_FRAMES,
    WARM_UP_FRAMES = 10 * 4096, /* through the queue with the lowest rate */
    MEASURED_MS = 250,          /* fed one by one to see how late output comes */
};

/* At most flat up to this part of the lower Nyquist frequency: the nearer to 1,
 * the longer the filter and the later its output. */
#define MAX_PASSBAND_END 0.95
/* soxr refuses filters that take more than half of the lower Nyquist frequency to fall. */
#define WIDEST_FALL 0.5

/* Neither soxr_clear() nor soxr's own end of stream is used: both would have to
 * allocate. Instead soxr sees one endless stream. A reset feeds it silence until
 * what came before has left the filter and the count of its input is a multiple
 * of in_step: there, output sample soxr_in / in_step * out_step falls exactly on
 * the next input sample, and becomes sample 0. The output before is skipped. */
struct resampler {
    soxr_t soxr;      /* NULL: equal rates */
    uint64_t in_step; /* in_rate : out_rate in lowest terms */
    uint64_t out_step;
    size_t max_input_frames;
    size_t delay_frames;
    float *output;
    size_t output_capacity;
    uint64_t soxr_in; /* what soxr has taken and given in all */
    uint64_t soxr_out;
    uint64_t skip; /* output still to come that belongs to before the reset */
    uint64_t fed;  /* since the reset */
    uint64_t given;
    bool flushing;
    float silence[PIECE_FRAMES];
};

/* round(n * out / in), halves up, without overflow for any n that time allows. */
static uint64_t output_for_input(const struct resampler *r, uint64_t n)
{
    uint64_t whole = n / r->in_step;
    uint64_t rest = n % r->in_step;
    return whole * r->out_step + (2 * rest * r->out_step + r->in_step) / (2 * r->in_step);
}

/* Gives soxr one piece and takes what it has: at most `capacity` samples at
 * `output`. Returns how many; *taken says how much of the piece went in. */
static size_t pass(struct resampler *r, const float *input, size_t frames, size_t *taken,
                   float *output, size_t capacity)
{
    size_t given = 0;
    *taken = 0;
    if (soxr_process(r->soxr, input, frames, taken, output, capacity, &given) != NULL)
        return 0;
    r->soxr_in += *taken;
    r->soxr_out += given;
    return given;
}

/* As pass(), less the output that is to be skipped. */
static size_t pass_and_skip(struct resampler *r, const float *input, size_t frames, size_t *taken,
                            float *output, size_t capacity)
{
    size_t given = pass(r, input, frames, taken, output, capacity);
    size_t skipped = r->skip < given ? (size_t)r->skip : given;
    r->skip -= skipped;
    memmove(output, output + skipped, (given - skipped) * sizeof *output);
    return given - skipped;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void feed_silence(struct resampler *r, size_t frames)
{
    while (frames > 0) {
        size_t taken;
        size_t given = pass(r, r->silence, smaller(frames, PIECE_FRAMES), &taken, r->output,
                            r->output_capacity);
        if (taken == 0 && given == 0)
            return; /* soxr refuses: its error stays and every later call gives nothing */
        frames -= taken;
    }
}

/* Runs soxr on silence so that it takes all the memory it will need. */
static bool warm_up(struct resampler *r, const float *input)
{
    uint64_t frames = WARM_UP_FRAMES;
    if (r->in_step > r->out_step)
        frames = frames * r->in_step / r->out_step;
    for (size_t i = 0; r->soxr_in < frames; i++) {
        /* Not all of one size, so that the queues do not run in one pattern. */
        size_t size = WARM_UP_PIECE_FRAMES - i * 53 % PIECE_FRAMES, taken;
        pass(r, input, size, &taken, r->output, r->output_capacity);
        if (taken != size)
            return false;
    }
    return soxr_error(r->soxr) == NULL;
}

/* Feeds silence sample by sample and sees how late the output comes. */
static bool measure_delay(struct resampler *r, unsigned in_rate_hz)
{
    for (unsigned i = 0; i < in_rate_hz / 1000 * MEASURED_MS; i++) {
        uint64_t next_belongs_to = r->soxr_out / r->out_step * r->in_step +
                                   r->soxr_out % r->out_step * r->in_step / r->out_step;
        if (r->soxr_in > next_belongs_to && r->soxr_in - next_belongs_to > r->delay_frames)
            r->delay_frames = (size_t)(r->soxr_in - next_belongs_to);
        size_t taken;
        pass(r, r->silence, 1, &taken, r->output, r->output_capacity);
        if (taken != 1)
            return false;
    }
    return soxr_error(r->soxr) == NULL;
}

static enum tutti_status check_arguments(unsigned in_rate_hz, unsigned out_rate_hz,
                                         double passband_hz, size_t max_input_frames,
                                         struct tutti_error *error)
{
    unsigned rates[] = {in_rate_hz, out_rate_hz};
    for (size_t i = 0; i < 2; i++) {
        if (rates[i] < RESAMPLER_MIN_RATE_HZ || rates[i] > RESAMPLER_MAX_RATE_HZ)
            return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                                   "a rate of %u Hz cannot be resampled: it has to be %u to %u Hz",
                                   rates[i], RESAMPLER_MIN_RATE_HZ, RESAMPLER_MAX_RATE_HZ);
    }
    if (!(passband_hz > 0 && passband_hz <= RESAMPLER_MAX_RATE_HZ))
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "a resampler's passband ends above 0 and up to %u Hz, not at %g Hz",
                               RESAMPLER_MAX_RATE_HZ, passband_hz);
    if (max_input_frames < 1 || max_input_frames > RESAMPLER_MAX_INPUT_FRAMES)
        return tutti_error_set(error, TUTTI_ERROR_ARGUMENT,
                               "a resampler takes chunks of 1 to %u samples, not %zu",
                               RESAMPLER_MAX_INPUT_FRAMES, max_input_frames);
    return TUTTI_OK;
}

/* What lies above the passband may fold into what lies above the passband: that
 * doubles the room for the filter to fall and halves its delay. Not when the rate
 * goes up, where images would fall into the open. */
static soxr_quality_spec_t quality_for(unsigned in_rate_hz, unsigned out_rate_hz,
                                       double passband_hz)
{
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, SOXR_HI_PREC_CLOCK);
    const bool down = in_rate_hz > out_rate_hz;
    const double least = down ? 1 - WIDEST_FALL / 2 : 1 - WIDEST_FALL;
    quality.passband_end =
        fmin(fmax(passband_hz / (smaller(in_rate_hz, out_rate_hz) / 2.0), least), MAX_PASSBAND_END);
    quality.stopband_begin = down ? 2 - quality.passband_end : 1;
    return quality;
}

static enum tutti_status out_of_memory(unsigned in_rate_hz, unsigned out_rate_hz,
                                       struct tutti_error *error)
{
    return tutti_error_set(error, TUTTI_ERROR_MEMORY, "no memory for a resampler from %u to %u Hz",
                           in_rate_hz, out_rate_hz);
}

static enum tutti_status open_soxr(struct resampler *r, unsigned in_rate_hz, unsigned out_rate_hz,
                                   double passband_hz, struct tutti_error *error)
{
    soxr_error_t failed = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = quality_for(in_rate_hz, out_rate_hz, passband_hz);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    /* The smallest blocks soxr can do: they halve the delay for a third more work. */
    runtime.log2_large_dft_size = 8;
    r->soxr = soxr_create(in_rate_hz, out_rate_hz, 1, &failed, &io, &quality, &runtime);
    if (r->soxr == NULL || failed != NULL)
        return tutti_error_set(error, TUTTI_ERROR_IO, "soxr refuses to go from %u to %u Hz: %s",
                               in_rate_hz, out_rate_hz, failed != NULL ? failed : "no memory");
    /* More than ever comes at once, also in the warm-up. */
    r->output_capacity = (size_t)output_for_input(r, r->max_input_frames + WARM_UP_PIECE_FRAMES +
                                                         (uint64_t)in_rate_hz / 1000 * MEASURED_MS);
    r->output = calloc(r->output_capacity, sizeof *r->output);
    float *input = calloc(WARM_UP_PIECE_FRAMES, sizeof *input);
    bool ok =
        r->output != NULL && input != NULL && warm_up(r, input) && measure_delay(r, in_rate_hz);
    free(input);
    /* From here on no call gives more than its own output and what was late. */
    uint64_t most = output_for_input(r, r->max_input_frames + 2 * r->delay_frames + PIECE_FRAMES);
    if (most < r->output_capacity)
        r->output_capacity = (size_t)most;
    return ok ? TUTTI_OK : out_of_memory(in_rate_hz, out_rate_hz, error);
}

struct resampler *resampler_new(unsigned in_rate_hz, unsigned out_rate_hz, double passband_hz,
                                size_t max_input_frames, struct tutti_error *error)
{
    if (check_arguments(in_rate_hz, out_rate_hz, passband_hz, max_input_frames, error) != TUTTI_OK)
        return NULL;
    struct resampler *r = calloc(1, sizeof *r);
    if (r == NULL) {
        out_of_memory(in_rate_hz, out_rate_hz, error);
        return NULL;
    }
    uint64_t divisor = greatest_common_divisor(in_rate_hz, out_rate_hz);
    r->in_step = in_rate_hz / divisor;
    r->out_step = out_rate_hz / divisor;
    r->max_input_frames = max_input_frames;
    if (in_rate_hz == out_rate_hz)
        return r;
    if (open_soxr(r, in_rate_hz, out_rate_hz, passband_hz, error) != TUTTI_OK) {
        resampler_free(r);
        return NULL;
    }
    r->fed = 1; /* the warm-up has to be forgotten */
    resampler_reset(r);
    return r;
}

void resampler_free(struct resampler *r)
{
    if (r == NULL)
        return;
    soxr_delete(r->soxr);
    free(r->output);
    free(r);
}

size_t resampler_feed(struct resampler *r, const float *samples, size_t frames,
                      const float **output)
{
    *output = r->soxr == NULL ? samples : r->output;
    if (r->flushing)
        return 0;
    frames = smaller(frames, r->max_input_frames);
    r->fed += frames;
    if (r->soxr == NULL) {
        r->given += frames;
        return frames;
    }
    size_t count = 0;
    while (frames > 0) {
        size_t taken;
        size_t given = pass_and_skip(r, samples, smaller(frames, PIECE_FRAMES), &taken,
                                     r->output + count, r->output_capacity - count);
        count += given;
        samples += taken;
        frames -= taken;
        if (taken == 0 && given == 0)
            break;
    }
    r->given += count;
    return count;
}

size_t resampler_flush(struct resampler *r, const float **output)
{
    *output = r->output;
    r->flushing = true;
    if (r->soxr == NULL)
        return 0;
    uint64_t wanted = output_for_input(r, r->fed) - r->given;
    size_t count = 0;
    /* Silence for as long as it takes the filter to let go of the last sample. */
    for (size_t silence = 0; wanted > 0 && count == 0 && silence <= 4 * r->delay_frames;) {
        size_t taken;
        count = pass_and_skip(r, r->silence, PIECE_FRAMES, &taken, r->output, r->output_capacity);
        silence += taken;
        if (taken == 0 && count == 0)
            break; /* as in feed_silence() */
    }
    count = wanted < count ? (size_t)wanted : count;
    r->given += count;
    return count;
}

void resampler_reset(struct resampler *r)
{
    bool untouched = r->fed == 0;
    r->flushing = false;
    r->fed = 0;
    r->given = 0;
    if (r->soxr == NULL || untouched)
        return;
    feed_silence(r, 2 * r->delay_frames);
    feed_silence(r, (size_t)((r->in_step - r->soxr_in % r->in_step) % r->in_step));
    r->skip = r->soxr_in / r->in_step * r->out_step - r->soxr_out;
}

size_t resampler_delay_frames(const struct resampler *r)
{
    return r->delay_frames;
}
