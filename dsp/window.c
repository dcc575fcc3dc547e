#include "dsp/window.h"

#include <stdlib.h>
#include <string.h>

/* `block` has room for 2 * columns columns. Column number n lies at n % columns
 * and again `columns` further on, so from any start `columns` of them follow
 * one another. */
struct window {
    size_t columns;
    size_t bands;
    size_t oldest; /* 0 ... columns - 1 */
    float silence;
    float *block;
};

struct window *window_new(size_t columns, size_t bands, float silence)
{
    if (columns == 0 || columns > WINDOW_MAX_COLUMNS || bands == 0 || bands > WINDOW_MAX_BANDS)
        return NULL;
    struct window *window = calloc(1, sizeof *window);
    if (window == NULL)
        return NULL;
    window->columns = columns;
    window->bands = bands;
    window->silence = silence;
    window->block = calloc(2 * columns * bands, sizeof *window->block);
    if (window->block == NULL) {
        free(window);
        return NULL;
    }
    window_clear(window);
    return window;
}

void window_free(struct window *window)
{
    if (window == NULL)
        return;
    free(window->block);
    free(window);
}

void window_push(struct window *window, const float *column)
{
    size_t size = window->bands * sizeof *column;
    memcpy(window->block + window->oldest * window->bands, column, size);
    memcpy(window->block + (window->oldest + window->columns) * window->bands, column, size);
    window->oldest = window->oldest + 1 == window->columns ? 0 : window->oldest + 1;
}

const float *window_data(const struct window *window)
{
    return window->block + window->oldest * window->bands;
}

void window_clear(struct window *window)
{
    for (size_t i = 0; i < 2 * window->columns * window->bands; i++)
        window->block[i] = window->silence;
    window->oldest = 0;
}
