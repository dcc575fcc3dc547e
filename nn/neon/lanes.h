/* lanes.h - what all NEON kernels share: sums to bytes. Private to nn/neon/.
 * Activations are signed bytes, q - 128, and so are the zeros. */
#ifndef TUTTI_NN_NEON_LANES_H
#define TUTTI_NN_NEON_LANES_H

#include "nn/kernels.h"

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 4 /* 32-bit values in a register */
#define HALF 8  /* pitches are multiples of it */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* A requantization's constants in registers. */
struct tail {
    float32x4_t residual_scale;
    int16x8_t zero;
    int8x8_t residual_zero;
    int8x16_t floor; /* the least byte, if the activation is ReLU */
    float32x4_t none, three, six, sixth;
    enum activation activation;
    bool residual;
};

/* A constant that the compiler does not know: it keeps it in a register over a loop, rather than
 * make it again for each use. */
ALWAYS_INLINE float32x4_t kept(float value)
{
    float32x4_t lanes = vdupq_n_f32(value);
    __asm__("" : "+w"(lanes));
    return lanes;
}

ALWAYS_INLINE struct tail tail_of(const struct requantization *r, enum activation activation,
                                  bool residual)
{
    return (struct tail){
        .residual_scale = vdupq_n_f32(r->residual_scale),
        .zero = vdupq_n_s16((int16_t)r->zero),
        .residual_zero = vdup_n_s8((int8_t)r->residual_zero),
        .floor = vdupq_n_s8((int8_t)r->zero),
        .none = kept(0),
        .three = kept(3),
        .six = kept(6),
        .sixth = kept(r->sixth),
        .activation = activation,
        .residual = residual,
    };
}

/* A ReLU without a residual is left to to_bytes(), which does it for many values at once. */
ALWAYS_INLINE float32x4_t activate(float32x4_t x, const struct tail *t)
{
    if (t->activation == ACTIVATION_RELU && t->residual)
        return vmaxq_f32(x, t->none);
    if (t->activation == ACTIVATION_HARDSWISH) {
        const float32x4_t gate = vminq_f32(vmaxq_f32(vaddq_f32(x, t->three), t->none), t->six);
        return vmulq_f32(x, vmulq_f32(gate, t->sixth));
    }
    return x;
}

/* The output less its zero. residual: 4 values less their zero, unused if the tail has none.
 * The conversion rounds half to even and saturates. */
ALWAYS_INLINE int32x4_t requantize(int32x4_t sum, float32x4_t scale, int16x4_t residual,
                                   const struct tail *t)
{
    float32x4_t steps = activate(vmulq_f32(vcvtq_f32_s32(sum), scale), t);
    if (t->residual) {
        const float32x4_t other = vcvtq_f32_s32(vmovl_s16(residual));
        steps = vaddq_f32(steps, vmulq_f32(t->residual_scale, other));
    }
    return vcvtnq_s32_f32(steps);
}

/* 8 values with the zero added, saturated to 16 bits. */
ALWAYS_INLINE int16x8_t to_words(int32x4_t low, int32x4_t high, int16x8_t zero)
{
    return vqaddq_s16(vqmovn_high_s32(vqmovn_s32(low), high), zero);
}

/* 16 values, saturated to bytes. */
ALWAYS_INLINE int8x16_t to_bytes(int16x8_t low, int16x8_t high, const struct tail *t)
{
    const int8x16_t bytes = vqmovn_high_s16(vqmovn_s16(low), high);
    return t->activation == ACTIVATION_RELU && !t->residual ? vmaxq_s8(bytes, t->floor) : bytes;
}

/* 8 activations */
ALWAYS_INLINE int8x8_t load_signed(const uint8_t *from)
{
    return vreinterpret_s8_u8(vld1_u8(from));
}

ALWAYS_INLINE void store_signed(uint8_t *to, int8x8_t bytes)
{
    vst1_u8(to, vreinterpret_u8_s8(bytes));
}

/* 8 activations less a zero */
ALWAYS_INLINE int16x8_t without_zero(const uint8_t *bytes, int8x8_t zero)
{
    return vsubl_s8(load_signed(bytes), zero);
}

#endif
