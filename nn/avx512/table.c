#include "nn/avx512/avx512.h"
#include "nn/avx512/lanes.h"

/* Every extension that the folder is compiled with. */
static bool available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

const struct kernels kernels_avx512 = {
    .name = "avx512-vnni",
    .available = available,
    .channel_multiple = HALF,
    .gemm_packed_size = avx512_gemm_packed_size,
    .gemm_pack = avx512_gemm_pack,
    .gemm_scratch_size = avx512_gemm_scratch_size,
    .gemm = avx512_gemm,
    .gemm_real = avx512_gemm_real,
    .conv_packed_size = avx512_conv_packed_size,
    .conv_pack = avx512_conv_pack,
    .conv_scratch_size = avx512_conv_scratch_size,
    .conv = avx512_conv,
    .depthwise_packed_size = avx512_depthwise_packed_size,
    .depthwise_pack = avx512_depthwise_pack,
    .depthwise_scratch_size = avx512_depthwise_scratch_size,
    .depthwise = avx512_depthwise,
    .quantize = avx512_quantize,
    .add_channel_sums = avx512_add_channel_sums,
    .gate = avx512_gate,
    .peak = {{"vpdpbusd", avx512_peak}},
};
