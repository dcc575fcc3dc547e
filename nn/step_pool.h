/* step_pool.h - from the scores of a window's time steps to its logits.
 *
 * Private to nn/, and shared by the int8 and the float network. An output's steps are
 * averaged with the weights that its attention gives them (Ilse, Tomczak, Welling,
 * "Attention-based deep multiple instance learning", ICML 2018), and a gate mixes that
 * with the score of the mean of all steps. The order of operations is in
 * models/FORMAT.md, so that every kernel ends in the same bits.
 */
#ifndef TUTTI_NN_STEP_POOL_H
#define TUTTI_NN_STEP_POOL_H

#include <stddef.h>

/* scores, attention: [rows][pitch], the first `outputs` of a row are used; the last row is that of
 * the mean, rows >= 2. gate: [outputs], 0 to 1, the share of the mean. logits: [outputs], apart
 * from the others; not finite only where scores or attention are not, or where scores overflow when
 * they are added up. */
void step_pool(const float *scores, const float *attention, size_t rows, size_t pitch,
               const float *gate, size_t outputs, float *logits);

#endif
