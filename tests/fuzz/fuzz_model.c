/* fuzz_model.c - any bytes as a model file: a refusal with a sentence, or a model that runs the
 * same with every kernel, steps included, and with a memory of the window before. For libFuzzer,
 * and for replay.c.
 *
 * The mutator keeps the header's length right most of the time; without it nearly every change of
 * the header would end at the first check. */
#include "nn/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Larger networks are checked when they are opened, but would make fuzzing slow to run. */
#define MULTIPLY_ADDS_MAX 200000
#define VALUES_MAX 20000
#define HOP_COLUMNS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* The probabilities of the window and, behind them, of its steps; the caller frees them. */
static float *run(const struct model *model, const char *kernel, const float *columns,
                  size_t *count)
{
    const struct network_options options = {.kernel = kernel};
    struct network *network = network_new(model, &options, NULL);
    require(network != NULL);
    const size_t labels = model_label_count(model);
    *count = (1 + network_steps(network)) * labels;
    float *result = malloc(*count * sizeof *result);
    require(result != NULL);
    network_run(network, columns, result);
    network_step_probabilities(network, result + labels);
    for (size_t i = 0; i < *count; i++)
        require(result[i] >= 0 && result[i] <= 1);
    network_free(network);
    return result;
}

/* Two windows that overlap, the second of which may reuse what the first one left. */
static void run_next(const struct model *model, const float *columns, size_t hop_columns)
{
    struct network *network = network_new(model, NULL, NULL);
    struct network_memory *memory = network_memory_new(network, hop_columns);
    require(network != NULL && memory != NULL);
    const size_t labels = model_label_count(model), bands = model_frontend(model)->mel_bands;
    float *fresh = malloc(2 * labels * sizeof *fresh);
    require(fresh != NULL);
    for (size_t window = 0; window < 2; window++) {
        const float *moved = columns + window * hop_columns * bands;
        network_run_next(network, memory, moved, window * hop_columns, fresh);
        network_run(network, moved, fresh + labels);
        require(memcmp(fresh, fresh + labels, labels * sizeof *fresh) == 0);
    }
    free(fresh);
    network_memory_free(memory);
    network_free(network);
}

static void run_all(const struct model *model, size_t values)
{
    const size_t line = model_frontend(model)->mel_bands;
    const size_t more = values + HOP_COLUMNS_MAX * line; /* of a second window */
    float *columns = malloc(more * sizeof *columns);
    require(columns != NULL);
    for (size_t i = 0; i < more; i++)
        columns[i] = (float)(i * 37 % 101) / 20 - 2;
    size_t count, again;
    float *expected = run(model, "portable", columns, &count);
    bool available;
    for (size_t k = 1; network_kernel(k, &available) != NULL; k++) {
        if (!available)
            continue;
        float *result = run(model, network_kernel(k, NULL), columns, &again);
        require(again == count && memcmp(result, expected, count * sizeof *result) == 0);
        free(result);
    }
    free(expected);
    for (size_t hop = 1; hop <= HOP_COLUMNS_MAX; hop *= 2)
        run_next(model, columns, hop);
    free(columns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tutti_error error = {0};
    struct model *model = model_read(data, size, "f", &error);
    if (model == NULL) {
        require(error.status != TUTTI_OK && strlen(error.text) > strlen("f: "));
        return 0;
    }
    const struct model_frontend *frontend = model_frontend(model);
    const size_t values = (size_t)frontend->columns * frontend->mel_bands;
    if (model_multiply_adds(model) <= MULTIPLY_ADDS_MAX && values <= VALUES_MAX)
        run_all(model, values);
    model_close(model);
    return 0;
}

#if defined(TUTTI_LIBFUZZER)
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t header = 0;
    for (unsigned i = 0; i < 8 && size >= 8; i++)
        header |= (uint64_t)data[i] << 8 * i;
    if (size < 8 || header > size - 8 || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    const size_t begin = 8, tail = size - begin - (size_t)header;
    if (seed % 4 == 0 && tail > 0) /* the tensors */
        return begin + header + LLVMFuzzerMutate(data + begin + header, tail, tail);
    uint8_t *kept = malloc(tail + 1);
    require(kept != NULL);
    memcpy(kept, data + begin + header, tail);
    header = LLVMFuzzerMutate(data + begin, (size_t)header, max_size - begin - tail);
    memcpy(data + begin + header, kept, tail);
    free(kept);
    for (unsigned i = 0; i < 8; i++)
        data[i] = (uint8_t)(header >> 8 * i);
    return begin + (size_t)header + tail;
}
#endif
