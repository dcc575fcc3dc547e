/* The products that the compiler's own vectors reach: one loop of plain C, on as few values as the
 * first-level cache holds with ease. */
#include "nn/kernels.h"

#define CHAINS 4
#define VALUES 256

uint64_t peak_portable(uint64_t rounds, uint32_t *sum)
{
    static const volatile int16_t weight = PEAK_WEIGHT;
    int16_t x[CHAINS][VALUES];
    *sum = 0;
    for (size_t i = 0; i < CHAINS * VALUES; i++)
        x[i / VALUES][i % VALUES] = PEAK_INPUT;
    for (uint64_t round = 0; round < rounds; round++) {
        /* Makes the compiler believe that the values change, so that each is multiplied. */
        __asm__ volatile("" : : "r"(x) : "memory");
        const int16_t w = weight;
        int sums[CHAINS] = {0};
        for (size_t i = 0; i < VALUES; i++) {
            sums[0] += x[0][i] * w;
            sums[1] += x[1][i] * w;
            sums[2] += x[2][i] * w;
            sums[3] += x[3][i] * w;
        }
        *sum += (uint32_t)(sums[0] + sums[1] + sums[2] + sums[3]);
    }
    return rounds * CHAINS * VALUES;
}
