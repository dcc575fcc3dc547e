#include "nn/checkpoints.h"

#include "nn/plan.h"

#include <stdbool.h>

static bool moves_over_time(const struct plan_layer *layer)
{
    return layer->kind == LAYER_CONV || layer->kind == LAYER_DEPTHWISE;
}

/* How many of the first layers see lines alone, and give more than one: a single line sees the
 * whole window. The strides of those layers multiply to less than twice the columns of a window. */
static size_t count_local(const struct plan *plan)
{
    size_t count = 0;
    while (count < plan->count && plan->layers[count].out_shape.time > 1 &&
           (moves_over_time(&plan->layers[count]) || plan->layers[count].kind == LAYER_POINTWISE))
        count++;
    return count;
}

/* Whether no layer beyond `layer` adds a tensor from before it, which would not be there. */
static bool is_clean_cut(const struct plan *plan, size_t layer)
{
    for (size_t i = layer + 1; i < plan->count; i++) {
        if (plan->layers[i].has_residual && plan->layers[i].residual_layer < layer)
            return false;
    }
    return true;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* What the padding has touched of a layer's output, if `in` is what it has touched of its input. */
static struct checkpoint after(const struct plan_layer *layer, struct checkpoint in)
{
    struct checkpoint out = in;
    if (!moves_over_time(layer))
        return out;
    const struct window *w = &layer->window;
    const unsigned kernel = w->kernel[0], stride = w->stride[0], padding = w->padding[0];
    out.stride = in.stride * stride;
    out.head = (in.head + padding + stride - 1) / stride;
    /* from the first line whose window goes beyond the last good line of the input */
    const unsigned good = w->in[0] - in.tail + padding;
    const unsigned first = good >= kernel ? (good - kernel) / stride + 1 : 0;
    out.tail = first < w->out[0] ? w->out[0] - first : 0;
    return out;
}

size_t checkpoints_find(const struct plan *plan, struct checkpoint found[CHECKPOINTS_MAX])
{
    const size_t local = count_local(plan);
    struct checkpoint at[MODEL_LAYERS_MAX];
    struct checkpoint here = {.stride = 1};
    size_t count = 0;
    for (size_t i = 0; i < local; i++) {
        const struct plan_layer *layer = &plan->layers[i];
        here = after(layer, here);
        here.layer = i;
        if (layer->has_residual) {
            here.head = larger(here.head, at[layer->residual_layer].head);
            here.tail = larger(here.tail, at[layer->residual_layer].tail);
        }
        at[i] = here;
        if (layer->last || !is_clean_cut(plan, i) || here.head + here.tail >= layer->out_shape.time)
            continue;
        const bool follows = count > 0 && found[count - 1].stride == here.stride;
        if (!follows && count < CHECKPOINTS_MAX)
            found[count++] = here;
        else if (follows)
            found[count - 1] = here;
    }
    return count;
}

struct lines lines_union(struct lines a, struct lines b, unsigned count)
{
    const struct lines both = {larger(a.head, b.head), a.tail < b.tail ? a.tail : b.tail};
    return both.head >= both.tail ? lines_all(count) : both;
}

struct lines lines_behind(const struct plan_layer *layer, struct lines out)
{
    if (!moves_over_time(layer))
        return out;
    const struct window *w = &layer->window;
    const unsigned stride = w->stride[0], padding = w->padding[0];
    struct lines in = lines_none(w->in[0]);
    if (out.head > 0)
        in.head = (out.head - 1) * stride + w->kernel[0] - padding;
    if (out.tail < w->out[0])
        in.tail = out.tail * stride > padding ? out.tail * stride - padding : 0;
    return in.head >= in.tail ? lines_all(w->in[0]) : in;
}
