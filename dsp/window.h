/* window.h - the last few seconds of columns, always in one piece.
 *
 * Holds the newest `columns` columns of `bands` values and shows them at any
 * time as one contiguous block [columns][bands], oldest first, without copying:
 * each column is stored twice, half a buffer apart. Until it is full, the part
 * that has not been heard yet holds silence, so that recognition can begin
 * before a whole window has passed.
 *
 * Not thread-safe: one window belongs to one thread. Nothing here allocates
 * except window_new().
 */
#ifndef TUTTI_DSP_WINDOW_H
#define TUTTI_DSP_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define WINDOW_MAX_COLUMNS 4096
#define WINDOW_MAX_BANDS 512

struct window; /* opaque */

/* A window of `columns` (1 to WINDOW_MAX_COLUMNS) columns of `bands` (1 to
 * WINDOW_MAX_BANDS) values, filled with `silence`, the value that the front end
 * gives for digital silence (frontend_config_silence()). NULL if an argument is
 * out of range or memory is short. Free it with window_free(). */
struct window *window_new(size_t columns, size_t bands, float silence);

/* Frees the window; NULL is fine. */
void window_free(struct window *window);

/* Adds one column of `bands` values as the newest and drops the oldest. */
void window_push(struct window *window, const float *column);

/* The block [columns][bands], oldest column first, the newest last. Valid until
 * the next push or clear. */
const float *window_data(const struct window *window);

/* Fills it with silence again. */
void window_clear(struct window *window);

#endif
