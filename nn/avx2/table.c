#include "nn/avx2/avx2.h"
#include "nn/avx2/lanes.h"

#include <cpuid.h>

static bool available(void)
{
#if defined(AVX_VNNI) && !defined(AVX_VNNI_EMULATED)
    /* Not every compiler that knows AVX-VNNI can ask for it by name. That the system saves the
     * registers is part of the question for AVX2. */
    const unsigned leaf = 7, subleaf = 1, eax_avx_vnni = 1u << 4;
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx2") &&
           __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx) && (eax & eax_avx_vnni) != 0;
#else
    return __builtin_cpu_supports("avx2");
#endif
}

#if defined(AVX_VNNI_EMULATED)
const struct kernels kernels_avx_vnni_emulated = {
    .name = "avx-vnni-emulated",
#elif defined(AVX_VNNI)
const struct kernels kernels_avx_vnni = {
    .name = "avx-vnni",
#else
const struct kernels kernels_avx2 = {
    .name = "avx2",
#endif
    .available = available,
    .channel_multiple = LANES,
    .gemm_packed_size = AVX2_NAME(gemm_packed_size),
    .gemm_pack = AVX2_NAME(gemm_pack),
    .gemm_scratch_size = AVX2_NAME(gemm_scratch_size),
    .gemm = AVX2_NAME(gemm),
    .gemm_real = AVX2_NAME(gemm_real),
    .conv_packed_size = AVX2_NAME(conv_packed_size),
    .conv_pack = AVX2_NAME(conv_pack),
    .conv_scratch_size = AVX2_NAME(conv_scratch_size),
    .conv = AVX2_NAME(conv),
    .depthwise_packed_size = AVX2_NAME(depthwise_packed_size),
    .depthwise_pack = AVX2_NAME(depthwise_pack),
    .depthwise_scratch_size = AVX2_NAME(depthwise_scratch_size),
    .depthwise = AVX2_NAME(depthwise),
    .quantize = avx2_quantize,
    .add_channel_sums = avx2_add_channel_sums,
    .gate = avx2_gate,
#if defined(AVX_VNNI)
    .peak = {{"vpdpbusd", AVX2_NAME(peak)}},
#else
    .peak = {{"vpmaddwd, vpaddd", avx2_peak_words},
             {"vpmaddubsw, vpmaddwd, vpaddd (pairs that fit 16 bits)", avx2_peak_bytes}},
#endif
};
