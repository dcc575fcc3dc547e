#include "tests/nn/support/kernel_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *buffer(size_t size)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, KERNEL_ALIGNMENT, size + (size == 0)), 0);
    memset(memory, 0xa5, size);
    return memory;
}

static uint8_t random_byte(struct random_source *r, enum mood mood)
{
    if (mood == MOOD_EXTREME)
        return random_bits(r) % 2 ? 255 : 0;
    return (uint8_t)random_bits(r);
}

static int8_t random_weight(struct random_source *r, enum mood mood)
{
    if (mood == MOOD_EXTREME)
        return random_bits(r) % 8 ? 127 : -127;
    return (int8_t)random_between(r, -127, 127);
}

int random_zero(struct random_source *r)
{
    static const int zeros[] = {0, 1, 127, 128, 254, 255};
    return zeros[random_between(r, 0, 5)];
}

uint8_t byte_of(const struct kernels *k, int q)
{
    return (uint8_t)(q - k->byte_offset);
}

uint8_t *random_tensor(const struct kernels *k, uint64_t seed, size_t rows, size_t channels,
                       size_t pitch, enum mood mood)
{
    struct random_source r = {seed * 2 + 1};
    uint8_t *tensor = buffer(rows * pitch);
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < channels; c++)
            tensor[i * pitch + c] = byte_of(k, random_byte(&r, mood));
    }
    return tensor;
}

struct parameters random_parameters(uint64_t seed, size_t outputs, size_t padded, size_t depth)
{
    static const float factors[] = {1e-6f, 0.1f, 0.3f, 1, 3, 1e6f};
    struct random_source r = {seed * 2 + 1};
    struct parameters p = {.bias = buffer(padded * sizeof *p.bias),
                           .scale = buffer(padded * sizeof *p.scale)};
    memset(p.bias, 0, padded * sizeof *p.bias);
    memset(p.scale, 0, padded * sizeof *p.scale);
    const float range = 256.0f / (50.0f * 128.0f * (float)depth);
    const enum activation activation = (enum activation)random_between(&r, 0, 2);
    const float inverse = 1.0f / (0.001f + random_unit(&r)); /* of the output's scale */
    const float to_steps = activation == ACTIVATION_HARDSWISH ? 1.0f : inverse;
    const float most = 0.5f * to_steps / inverse; /* times 2^31 it is 2^30 steps */
    for (size_t i = 0; i < outputs; i++) {
        p.bias[i] = (int32_t)(random_bits(&r) >> random_between(&r, 8, 20)) - 2000;
        const float scale = random_unit(&r) * range * factors[random_between(&r, 0, 5)];
        p.scale[i] = fminf(scale * to_steps, most);
    }
    p.requantization = (struct requantization){
        .bias = p.bias,
        .scale = p.scale,
        .activation = activation,
        .sixth = 1.0f / 6.0f * inverse,
        .zero = random_zero(&r),
        .residual_scale = random_unit(&r) * inverse,
        .residual_zero = random_zero(&r),
    };
    return p;
}

struct parameters parameters_for(const struct kernels *k, struct parameters p,
                                 const int8_t *weights, size_t outputs, size_t depth)
{
    for (size_t i = 0; i < outputs * depth; i++)
        p.bias[i / depth] += k->byte_offset * weights[i];
    p.requantization.zero -= k->byte_offset;
    p.requantization.residual_zero -= k->byte_offset;
    return p;
}

void free_parameters(struct parameters *p)
{
    free(p->bias);
    free(p->scale);
}

/* Changes the second so that the two have no more of one sign than the pair limit. */
static void limit_pair(int8_t *pair)
{
    const int excess = abs(pair[0] + pair[1]) - 128;
    if ((pair[0] > 0) == (pair[1] > 0) && excess > 0)
        pair[1] = (int8_t)(pair[1] > 0 ? pair[1] - excess : pair[1] + excess);
}

int8_t *random_weights(struct random_source *r, size_t lines, size_t length, enum mood mood)
{
    int8_t *weights = malloc(lines * length);
    assert_non_null(weights);
    for (size_t i = 0; i < lines * length; i++)
        weights[i] = random_weight(r, mood);
    const int kind = random_between(r, 0, 2);
    for (size_t line = 0; kind > 0 && line < lines; line++) {
        for (size_t i = 0; i + 1 < length; i += 2)
            limit_pair(weights + line * length + i);
    }
    if (kind == 2 && length > 1) {
        int8_t *pair = weights + (size_t)random_between(r, 0, (int)lines - 1) * length +
                       (size_t)random_between(r, 0, (int)length / 2 - 1) * 2;
        const int sign = random_between(r, 0, 1) == 1 ? 1 : -1;
        pair[0] = (int8_t)(sign * 65);
        pair[1] = (int8_t)(sign * 64);
    }
    return weights;
}

void for_each_table(void (*check)(const struct kernels *, uint64_t), uint64_t cases)
{
    for (size_t i = 1; kernels_at(i) != NULL; i++) {
        if (!kernels_at(i)->available())
            continue;
        for (uint64_t seed = 0; seed < cases; seed++)
            check(kernels_at(i), seed);
    }
}

void compare(const struct kernels *k, uint64_t seed, const uint8_t *result, const uint8_t *expected,
             size_t rows, size_t channels, int zero)
{
    const size_t pitch = round_up(channels, k->channel_multiple);
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < pitch; c++) {
            const uint8_t right = byte_of(k, c < channels ? expected[i * channels + c] : zero);
            if (result[i * pitch + c] != right)
                print_error("%s, case %llu: position %zu, channel %zu of %zu\n", k->name,
                            (unsigned long long)seed, i, c, channels);
            assert_int_equal(result[i * pitch + c], right);
        }
    }
}
