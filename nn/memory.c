#include "nn/memory.h"

#include "common/divisor.h"

#include <stdlib.h>
#include <string.h>

/* The tensor slides over more lines than it has; only at their end it is moved back to their
 * beginning. */
struct slot {
    bool filled;
    uint64_t position;
    uint8_t *lines; /* [time + spare] */
    size_t first;   /* the tensor's first line, 0 to spare */
};

/* A checkpoint with its slots. */
struct kept {
    struct checkpoint at;
    unsigned time;     /* lines */
    unsigned spare;    /* lines */
    size_t line_bytes; /* of all positions of a line */
    size_t slots;
    struct slot *slot;
    struct slot *current;
};

struct network_memory {
    struct plan *plan;
    struct kept kept[CHECKPOINTS_MAX];
    size_t count;
    size_t layers; /* up to the last checkpoint */
    struct lines columns;
    struct lines lines[MODEL_LAYERS_MAX];
    size_t bytes;
};

/* --- beginning and end ---------------------------------------------------------------- */

/* False where too little would be saved for what it costs to keep. */
static bool is_worth_it(const struct checkpoint *at, unsigned time, size_t slots,
                        size_t hop_columns)
{
    const size_t moved = slots * hop_columns / at->stride;
    return moved < time && moved + at->head + at->tail < (size_t)time * 3 / 4;
}

static bool make_slots(struct network_memory *memory, struct kept *kept)
{
    const size_t lines = (size_t)kept->time + kept->spare;
    const size_t size = round_up(lines * kept->line_bytes + KERNEL_ALIGNMENT, KERNEL_ALIGNMENT);
    kept->slot = calloc(kept->slots, sizeof *kept->slot);
    for (size_t i = 0; kept->slot != NULL && i < kept->slots; i++) {
        kept->slot[i].lines = aligned_alloc(KERNEL_ALIGNMENT, size);
        if (kept->slot[i].lines == NULL)
            return false;
        memset(kept->slot[i].lines, 0, size); /* touches the pages */
        memory->bytes += size;
    }
    return kept->slot != NULL;
}

static bool make_kept(struct network_memory *memory, size_t hop_columns)
{
    const struct plan *plan = memory->plan;
    for (size_t i = 0; i < plan->checkpoints; i++) {
        const struct checkpoint *at = &plan->checkpoint[i];
        const struct plan_layer *layer = &plan->layers[at->layer];
        const size_t slots = at->stride / greatest_common_divisor(hop_columns, at->stride);
        if (!is_worth_it(at, layer->out_shape.time, slots, hop_columns))
            continue;
        struct kept *kept = &memory->kept[memory->count++];
        kept->at = *at;
        kept->time = layer->out_shape.time;
        kept->spare = kept->time / 2;
        kept->line_bytes = layer->out_shape.frequency * layer->out.pitch;
        kept->slots = slots;
        memory->layers = at->layer + 1;
        if (!make_slots(memory, kept))
            return false;
    }
    return true;
}

struct network_memory *network_memory_new(const struct network *network, size_t hop_columns)
{
    struct network_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return NULL;
    memory->plan = plan_share(network_plan(network));
    memory->bytes = sizeof *memory;
    if (hop_columns > 0 && make_kept(memory, hop_columns))
        return memory;
    network_memory_free(memory);
    return NULL;
}

void network_memory_free(struct network_memory *memory)
{
    if (memory == NULL)
        return;
    for (size_t i = 0; i < memory->count; i++) {
        for (size_t k = 0; memory->kept[i].slot != NULL && k < memory->kept[i].slots; k++)
            free(memory->kept[i].slot[k].lines);
        free(memory->kept[i].slot);
    }
    plan_release(memory->plan);
    free(memory);
}

void network_memory_clear(struct network_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        for (size_t k = 0; k < memory->kept[i].slots; k++)
            memory->kept[i].slot[k].filled = false;
    }
}

size_t network_memory_bytes(const struct network_memory *memory)
{
    return memory->bytes;
}

/* --- a window ------------------------------------------------------------------------- */

/* The newest slot whose places the window falls on; else the one that is longest out of use. */
static struct slot *choose_slot(const struct kept *kept, uint64_t position, bool *usable)
{
    struct slot *newest = NULL, *oldest = &kept->slot[0];
    for (size_t i = 0; i < kept->slots; i++) {
        struct slot *slot = &kept->slot[i];
        if (!slot->filled || (oldest->filled && slot->position < oldest->position))
            oldest = slot;
        if (slot->filled && slot->position <= position &&
            (position - slot->position) % kept->at.stride == 0 &&
            (newest == NULL || slot->position > newest->position))
            newest = slot;
    }
    *usable = newest != NULL;
    return newest != NULL ? newest : oldest;
}

/* Goes on by `moved` lines; the `stay` lines from `head` on are needed there. */
static void slide(const struct kept *kept, struct slot *slot, size_t head, size_t moved,
                  size_t stay)
{
    slot->first += moved;
    if (slot->first <= kept->spare)
        return;
    memmove(slot->lines + head * kept->line_bytes,
            slot->lines + (slot->first + head) * kept->line_bytes, stay * kept->line_bytes);
    slot->first = 0;
}

/* Moves the tensor to its new place; returns the lines that are new. */
static struct lines move_lines(struct kept *kept, uint64_t position)
{
    bool usable;
    struct slot *slot = choose_slot(kept, position, &usable);
    const uint64_t moved = usable ? (position - slot->position) / kept->at.stride : 0;
    const unsigned head = kept->at.head, touched = head + kept->at.tail;
    kept->current = slot;
    slot->filled = true;
    slot->position = position;
    if (!usable || moved >= kept->time - touched)
        return lines_all(kept->time);
    const unsigned stay = kept->time - touched - (unsigned)moved;
    slide(kept, slot, head, (size_t)moved, stay);
    return (struct lines){head, head + stay};
}

/* From a checkpoint's new lines to those of all layers back to `first`. */
static void go_back(struct network_memory *memory, size_t first, size_t last)
{
    const struct plan *plan = memory->plan;
    for (size_t i = last + 1; i-- > first;) {
        const struct plan_layer *layer = &plan->layers[i];
        const struct lines in = lines_behind(layer, memory->lines[i]);
        if (i == 0)
            memory->columns = lines_union(memory->columns, in, layer->in_shape.time);
        else if (i > first)
            memory->lines[i - 1] = lines_union(memory->lines[i - 1], in, layer->in_shape.time);
        if (layer->has_residual && layer->residual_layer >= first)
            memory->lines[layer->residual_layer] = lines_union(
                memory->lines[layer->residual_layer], memory->lines[i], layer->out_shape.time);
    }
}

void memory_begin(struct network_memory *memory, uint64_t position)
{
    const struct plan *plan = memory->plan;
    memory->columns = memory->count > 0 ? lines_none(plan->layers[0].in_shape.time)
                                        : lines_all(plan->layers[0].in_shape.time);
    for (size_t i = 0; i < memory->layers; i++)
        memory->lines[i] = lines_none(plan->layers[i].out_shape.time);
    size_t first = 0;
    for (size_t i = 0; i < memory->count; i++) {
        struct kept *kept = &memory->kept[i];
        memory->lines[kept->at.layer] = move_lines(kept, position);
        go_back(memory, first, kept->at.layer);
        first = kept->at.layer + 1;
    }
}

struct lines memory_lines(const struct network_memory *memory, const struct plan *plan,
                          size_t layer)
{
    if (memory == NULL || layer >= memory->layers)
        return lines_all(plan->layers[layer].out_shape.time);
    return memory->lines[layer];
}

struct lines memory_columns(const struct network_memory *memory, const struct plan *plan)
{
    return memory != NULL ? memory->columns : lines_all(plan->layers[0].in_shape.time);
}

uint8_t *memory_tensor(const struct network_memory *memory, size_t layer)
{
    for (size_t i = 0; memory != NULL && i < memory->count; i++) {
        const struct kept *kept = &memory->kept[i];
        if (kept->at.layer == layer)
            return kept->current->lines + kept->current->first * kept->line_bytes;
    }
    return NULL;
}
