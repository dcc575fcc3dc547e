#include "nn/neon/lanes.h"
#include "nn/neon/neon.h"

#include <float.h>
#include <string.h>

/* 4 values to integers without the zero; what is not finite becomes the lowest. */
ALWAYS_INLINE int32x4_t quantize_lanes(const float *values, float inverse_scale, int zero)
{
    const float32x4_t x = vld1q_f32(values), lowest = vdupq_n_f32((float)(INT8_MIN - zero));
    const uint32x4_t finite = vcaleq_f32(x, vdupq_n_f32(FLT_MAX));
    return vcvtnq_s32_f32(vbslq_f32(finite, vmulq_n_f32(x, inverse_scale), lowest));
}

ALWAYS_INLINE int8x8_t quantize_half(const float *values, float inverse_scale, int zero)
{
    return vqmovn_s16(to_words(quantize_lanes(values, inverse_scale, zero),
                               quantize_lanes(values + LANES, inverse_scale, zero),
                               vdupq_n_s16((int16_t)zero)));
}

void neon_quantize(const float *values, size_t count, float inverse_scale, int zero, uint8_t *out)
{
    size_t i = 0;
#pragma GCC unroll 2
    for (; i + HALF <= count; i += HALF)
        store_signed(out + i, quantize_half(values + i, inverse_scale, zero));
    if (i < count) {
        float rest[HALF] = {0};
        uint8_t bytes[HALF];
        memcpy(rest, values + i, (count - i) * sizeof *values);
        store_signed(bytes, quantize_half(rest, inverse_scale, zero));
        memcpy(out + i, bytes, count - i);
    }
}

/* 16 bits hold the sum of 256 signed bytes. */
#define SHORT_SUM 256

void neon_add_channel_sums(const uint8_t *in, size_t positions, size_t pitch, size_t channels,
                           int32_t *sums)
{
    for (size_t begin = 0; begin < positions; begin += SHORT_SUM) {
        const size_t count = positions - begin < SHORT_SUM ? positions - begin : SHORT_SUM;
        for (size_t c = 0; c < channels; c += HALF) {
            const uint8_t *from = in + begin * pitch + c;
            int16x8_t sum = vdupq_n_s16(0);
            for (size_t i = 0; i < count; i++, from += pitch)
                sum = vaddw_s8(sum, load_signed(from));
            const int32x4_t low = vmovl_s16(vget_low_s16(sum));
            const int32x4_t high = vmovl_high_s16(sum);
            vst1q_s32(sums + c, vaddq_s32(vld1q_s32(sums + c), low));
            vst1q_s32(sums + c + LANES, vaddq_s32(vld1q_s32(sums + c + LANES), high));
        }
    }
}

ALWAYS_INLINE int32x4_t gate_lanes(int16x4_t q, float32x4_t scale)
{
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(vmovl_s16(q)), scale));
}

/* 8 channels of all positions at a time, so that their scales stay in registers. */
void neon_gate(const struct gate_task *t)
{
    const int8x8_t in_zero = vdup_n_s8((int8_t)t->in_zero);
    const int16x8_t out_zero = vdupq_n_s16((int16_t)t->out_zero);
    for (size_t c = 0; c < t->pitch; c += HALF) {
        const float32x4_t low_scale = vld1q_f32(t->scale + c);
        const float32x4_t high_scale = vld1q_f32(t->scale + c + LANES);
        for (size_t at = c; at < t->positions * t->pitch; at += t->pitch) {
            const int16x8_t q = without_zero(t->in + at, in_zero);
            const int32x4_t low = gate_lanes(vget_low_s16(q), low_scale);
            const int32x4_t high = gate_lanes(vget_high_s16(q), high_scale);
            store_signed(t->out + at, vqmovn_s16(to_words(low, high, out_zero)));
        }
    }
}
