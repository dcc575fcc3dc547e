#include "nn/avx512/avx512.h"
#include "nn/avx512/lanes.h"

/* Every extension that the folder is compiled with. */
static bool available(void)
{
#if defined(AVX512_EMULATED)
    return __builtin_cpu_supports("avx2"); /* which it is compiled for */
#else
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
#endif
}

#if defined(AVX512_EMULATED)
const struct kernels kernels_avx512_emulated = {
    .name = "avx512-vnni-emulated",
#else
const struct kernels kernels_avx512 = {
    .name = "avx512-vnni",
#endif
    .available = available,
    .channel_multiple = HALF,
    .gemm_packed_size = AVX512_NAME(gemm_packed_size),
    .gemm_pack = AVX512_NAME(gemm_pack),
    .gemm_scratch_size = AVX512_NAME(gemm_scratch_size),
    .gemm = AVX512_NAME(gemm),
    .gemm_real = AVX512_NAME(gemm_real),
    .conv_packed_size = AVX512_NAME(conv_packed_size),
    .conv_pack = AVX512_NAME(conv_pack),
    .conv_scratch_size = AVX512_NAME(conv_scratch_size),
    .conv = AVX512_NAME(conv),
    .depthwise_packed_size = AVX512_NAME(depthwise_packed_size),
    .depthwise_pack = AVX512_NAME(depthwise_pack),
    .depthwise_scratch_size = AVX512_NAME(depthwise_scratch_size),
    .depthwise = AVX512_NAME(depthwise),
    .quantize = AVX512_NAME(quantize),
    .add_channel_sums = AVX512_NAME(add_channel_sums),
    .gate = AVX512_NAME(gate),
    .peak = {{"vpdpbusd", AVX512_NAME(peak)}},
};
