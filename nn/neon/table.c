#include "nn/neon/lanes.h"
#include "nn/neon/neon.h"

#include <asm/hwcap.h>
#include <sys/auxv.h>

static bool available(void)
{
#if defined(NEON_DOT)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
    return (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
#endif
}

#if defined(NEON_DOT)
const struct kernels kernels_neon_dot = {
    .name = "neon-dot",
#else
const struct kernels kernels_neon = {
    .name = "neon",
#endif
    .available = available,
    .channel_multiple = HALF,
    .byte_offset = 128,
    .gemm_packed_size = NEON_NAME(gemm_packed_size),
    .gemm_pack = NEON_NAME(gemm_pack),
    .gemm_scratch_size = NEON_NAME(gemm_scratch_size),
    .gemm = NEON_NAME(gemm),
    .gemm_real = NEON_NAME(gemm_real),
    .conv_packed_size = NEON_NAME(conv_packed_size),
    .conv_pack = NEON_NAME(conv_pack),
    .conv_scratch_size = NEON_NAME(conv_scratch_size),
    .conv = NEON_NAME(conv),
    .depthwise_packed_size = neon_depthwise_packed_size,
    .depthwise_pack = neon_depthwise_pack,
    .depthwise_scratch_size = neon_depthwise_scratch_size,
    .depthwise = neon_depthwise,
    .quantize = neon_quantize,
    .add_channel_sums = neon_add_channel_sums,
    .gate = neon_gate,
#if defined(NEON_DOT)
    .peak = {{"sdot", neon_dot_peak}},
#else
    .peak = {{"smull, smlal2, sadalp", neon_peak}},
#endif
};
