#include "nn/avx2/avx2.h"
#include "nn/avx2/lanes.h"

static bool available(void)
{
    return __builtin_cpu_supports("avx2");
}

const struct kernels kernels_avx2 = {
    .name = "avx2",
    .available = available,
    .channel_multiple = LANES,
    .gemm_packed_size = avx2_gemm_packed_size,
    .gemm_pack = avx2_gemm_pack,
    .gemm_scratch_size = avx2_gemm_scratch_size,
    .gemm = avx2_gemm,
    .gemm_real = avx2_gemm_real,
    .conv_packed_size = avx2_conv_packed_size,
    .conv_pack = avx2_conv_pack,
    .conv_scratch_size = avx2_conv_scratch_size,
    .conv = avx2_conv,
    .depthwise_packed_size = avx2_depthwise_packed_size,
    .depthwise_pack = avx2_depthwise_pack,
    .depthwise_scratch_size = avx2_depthwise_scratch_size,
    .depthwise = avx2_depthwise,
    .quantize = avx2_quantize,
    .channel_sums = avx2_channel_sums,
    .gate = avx2_gate,
    .peak = {{"vpmaddwd, vpaddd", avx2_peak_words},
             {"vpmaddubsw, vpmaddwd, vpaddd (weights of 7 bits)", avx2_peak_bytes}},
};
