/* Windows of a stream, with what is kept of the windows before and without: the same bits. */
#include "nn/network.h"

#include "tests/nn/support/model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LABELS = 3, MOVES = 30 };

/* The thread sanitizer, which has nothing to find in one thread, and the emulator, in which Arm's
 * tests mostly run, are slow. What they skip is random networks of the same kind. */
#if defined(__SANITIZE_THREAD__) || defined(__aarch64__)
enum { NETWORKS = 10 };
#else
enum { NETWORKS = 40 };
#endif

/* --- networks and sounds -------------------------------------------------------------- */

static unsigned pick(struct random_source *r, unsigned a, unsigned b)
{
    return random_bits(r) % 2 ? a : b;
}

static void random_window(struct random_source *r, unsigned kernel[2], unsigned stride[2],
                          unsigned padding[2])
{
    for (int side = 0; side < 2; side++) {
        kernel[side] = 1 + 2 * (unsigned)random_between(r, 0, 2);
        stride[side] = pick(r, 1, 2);
        padding[side] = (unsigned)random_between(r, 0, (int)(kernel[side] - 1) / 2);
    }
}

/* A convolution, some blocks as in a MobileNet, a squeeze-excite somewhere among them. */
static struct model *random_model(uint64_t seed, unsigned columns)
{
    struct random_source r = {seed * 2 + 1};
    struct builder *b = builder_new(seed, columns, 24, LABELS);
    unsigned kernel[2], stride[2], padding[2];
    random_window(&r, kernel, stride, padding);
    builder_conv(b, 8, kernel, stride, padding, "hardswish");
    const int blocks = random_between(&r, 1, 4), squeezed = random_between(&r, 0, 5);
    for (int i = 0; i < blocks; i++) {
        const int before = (int)b->layers - 1;
        builder_pointwise(b, (unsigned)random_between(&r, 3, 20), "relu", -1);
        random_window(&r, kernel, stride, padding);
        const bool same = random_bits(&r) % 2 == 0;
        for (int side = 0; same && side < 2; side++) {
            stride[side] = 1;
            padding[side] = (kernel[side] - 1) / 2;
        }
        if (b->shape.frequency < kernel[1] || b->shape.time < kernel[0])
            break;
        builder_depthwise(b, kernel, stride, padding, "relu");
        if (i == squeezed)
            builder_squeeze_excite(b, 4);
        builder_pointwise(b, 8, "none", same && i > 0 ? before : -1);
    }
    if (random_bits(&r) % 2 == 0) {
        builder_time_steps(b);
        builder_attention(b, LABELS);
    } else {
        builder_mean(b);
        builder_head(b, LABELS);
    }
    struct model *model = builder_open(b);
    builder_free(b);
    return model;
}

/* The same blocks as the shipped network has before its first squeeze-excite. */
static struct model *usual_model(void)
{
    struct builder *b = builder_new(7, 300, 32, LABELS);
    b->zero = 100; /* with extreme ones this network would give the same for all sounds */
    static const unsigned three[2] = {3, 3}, five[2] = {5, 5}, one[2] = {1, 1}, two[2] = {2, 2};
    builder_conv(b, 8, three, two, one, "hardswish");
    builder_depthwise(b, three, one, one, "relu");
    builder_pointwise(b, 8, "none", 0);
    builder_pointwise(b, 24, "relu", -1);
    builder_depthwise(b, three, two, one, "relu");
    builder_pointwise(b, 16, "none", -1);
    builder_pointwise(b, 32, "relu", -1);
    builder_depthwise(b, three, one, one, "relu");
    builder_pointwise(b, 16, "none", 5);
    builder_pointwise(b, 32, "relu", -1);
    builder_depthwise(b, five, two, two, "relu");
    builder_squeeze_excite(b, 8);
    builder_pointwise(b, 16, "none", -1);
    builder_time_steps(b);
    builder_attention(b, LABELS);
    struct model *model = builder_open(b);
    builder_free(b);
    return model;
}

/* Louder and softer bands that change with every few columns: of noise alone the means over a
 * window would hardly differ from one to the next. */
static float *random_sound(uint64_t seed, size_t columns, size_t bands)
{
    struct random_source r = {seed * 2 + 1};
    float *sound = malloc(columns * bands * sizeof *sound);
    float *level = calloc(bands, sizeof *level);
    assert_non_null(sound);
    assert_non_null(level);
    for (size_t i = 0; i < columns; i++) {
        const size_t struck = random_bits(&r) % bands;
        level[struck] = random_bits(&r) % 2 ? 4 : -4;
        for (size_t band = 0; band < bands; band++)
            sound[i * bands + band] = level[band] + random_unit(&r) - 0.5f;
    }
    free(level);
    return sound;
}

static struct network *make(const struct model *model, const char *kernel)
{
    struct network *network = network_new(model, &(struct network_options){.kernel = kernel}, NULL);
    assert_non_null(network);
    return network;
}

/* --- the same bits -------------------------------------------------------------------- */

/* What two runs gave; steps, too. */
static void compare(const struct network *a, const float *pa, const struct network *b,
                    const float *pb)
{
    assert_memory_equal(pa, pb, LABELS * sizeof *pa);
    const size_t values = network_steps(a) * LABELS;
    float *sa = malloc((values + 1) * sizeof *sa), *sb = malloc((values + 1) * sizeof *sb);
    assert_non_null(sa);
    assert_non_null(sb);
    if (values > 0) {
        network_step_probabilities(a, sa);
        network_step_probabilities(b, sb);
        assert_memory_equal(sa, sb, values * sizeof *sa);
    }
    free(sa);
    free(sb);
}

/* Moves a window by about hop columns many times, now and then by something else, and forgets now
 * and then. False if the network gave the same all the time. */
static bool walk(const struct model *model, const char *kernel, uint64_t seed, size_t hop)
{
    const size_t columns = model_frontend(model)->columns, bands = model_frontend(model)->mel_bands;
    struct random_source r = {seed * 2 + 1};
    struct network *full = make(model, kernel), *next = network_clone(full);
    struct network_memory *memory = network_memory_new(full, hop);
    assert_non_null(next);
    assert_non_null(memory);
    float *sound = random_sound(seed, columns + MOVES * (hop + columns), bands);
    float expected[LABELS], result[LABELS], first[LABELS];
    bool varies = false;
    size_t at = 0;
    const uint64_t origin = random_bits(&r);
    for (int move = 0; move < MOVES; move++) {
        network_run(full, sound + at * bands, expected);
        network_run_next(next, memory, sound + at * bands, origin + at, result);
        compare(full, expected, next, result);
        if (move == 0)
            memcpy(first, expected, sizeof first);
        varies = varies || memcmp(first, expected, sizeof first) != 0;
        const int chance = random_between(&r, 0, 9);
        at += chance == 0   ? (size_t)random_between(&r, 0, (int)columns)
              : chance == 1 ? hop * (size_t)random_between(&r, 0, 3)
                            : hop;
        if (random_between(&r, 0, 19) == 0) {
            free(sound);
            sound = random_sound(seed + (uint64_t)move, columns + MOVES * (hop + columns), bands);
            network_memory_clear(memory);
        }
    }
    free(sound);
    network_free(full);
    network_free(next);
    network_memory_free(memory);
    return varies;
}

static bool walk_with_each_kernel(const struct model *model, uint64_t seed, size_t hop)
{
    bool available, varies = false;
    for (size_t i = 0; network_kernel(i, &available) != NULL; i++) {
        if (available)
            varies = walk(model, network_kernel(i, NULL), seed, hop);
    }
    return varies;
}

static void test_random_networks(void **state)
{
    (void)state;
    int walks = 0, varied = 0;
    for (uint64_t seed = 0; seed < NETWORKS; seed++) {
        struct random_source r = {seed * 2 + 1};
        struct model *model = random_model(seed, (unsigned)random_between(&r, 40, 90));
        for (size_t hop = 1; hop <= 16; hop += (size_t)random_between(&r, 1, 5))
            walks++, varied += walk_with_each_kernel(model, seed, hop);
        model_close(model);
    }
    assert_true(varied > walks / 2); /* or the test says little */
}

static void test_usual_network(void **state)
{
    (void)state;
    struct model *model = usual_model();
    static const size_t hops[] = {1, 8, 24, 25, 50, 100, 300, 400};
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++)
        assert_true(walk(model, NULL, i, hops[i]));
    model_close(model);
}

/* More strides than a window has columns, which a file may have where one line is left, and a
 * residual across them, which keeps tensors before it from being kept. */
static void test_many_strides(void **state)
{
    (void)state;
    static const unsigned one[2] = {1, 1}, none[2] = {0, 0}, two[2] = {2, 1};
    for (unsigned columns = 1; columns <= 9; columns += 4) {
        struct builder *b = builder_new(columns, columns, 4, LABELS);
        while (b->shape.time > 1)
            builder_conv(b, 2, one, two, none, "none");
        builder_conv(b, 2, one, one, none, "none");
        const int before = (int)b->layers - 1;
        for (int i = 0; i < 70; i++)
            builder_depthwise(b, one, two, none, "none");
        builder_pointwise(b, 2, "none", before);
        builder_mean(b);
        builder_linear(b, 4, "relu");
        builder_head(b, LABELS);
        struct model *model = builder_open(b);
        builder_free(b);
        for (size_t hop = 1; hop <= 3; hop++)
            walk(model, NULL, columns, hop);
        model_close(model);
    }
}

/* --- what is kept --------------------------------------------------------------------- */

/* Whoever breaks the promise that overlapping columns are the same, sees that the old ones were
 * used. */
static void test_it_is_used(void **state)
{
    (void)state;
    struct model *model = usual_model();
    struct network *network = make(model, NULL);
    struct network_memory *memory = network_memory_new(network, 24);
    assert_non_null(memory);
    float *first = random_sound(1, 300, 32), *second = random_sound(2, 300, 32);
    float with[LABELS], fresh[LABELS], forgotten[LABELS];
    network_run_next(network, memory, first, 0, with);
    network_run_next(network, memory, second, 24, with);
    network_run(network, second, fresh);
    assert_memory_not_equal(with, fresh, sizeof with);
    network_memory_clear(memory);
    network_run_next(network, memory, second, 24, forgotten);
    assert_memory_equal(forgotten, fresh, sizeof fresh);
    free(first);
    free(second);
    network_memory_free(memory);
    network_free(network);
    model_close(model);
}

static void test_size(void **state)
{
    (void)state;
    struct model *model = usual_model();
    struct network *network = make(model, NULL);
    struct network_memory *aligned = network_memory_new(network, 24);
    struct network_memory *odd = network_memory_new(network, 25);
    struct network_memory *far = network_memory_new(network, 300);
    assert_true(network_memory_bytes(odd) > network_memory_bytes(aligned));
    assert_true(network_memory_bytes(aligned) > network_memory_bytes(far));
    assert_null(network_memory_new(network, 0));
    network_free(network); /* memories may live longer */
    network_memory_free(aligned);
    network_memory_free(odd);
    network_memory_free(far);
    network_memory_free(NULL);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_networks),
        cmocka_unit_test(test_usual_network),
        cmocka_unit_test(test_many_strides),
        cmocka_unit_test(test_it_is_used),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
