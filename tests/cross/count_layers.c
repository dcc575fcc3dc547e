/* count_layers.c - one run of a model, for count.sh to count its instructions under qemu.
 *
 *   count_layers MODEL KERNEL
 *
 * Prints a line for each layer: index, multiply-adds, input channels, kind, name. */
#include "nn/model.h"
#include "nn/network.h"

#include <stdio.h>
#include <stdlib.h>

/* count.sh looks for these two in the trace: a run begins, a layer is done. */
void run_begins(void);
void layer_done(void *context, size_t layer);

__attribute__((noinline)) void run_begins(void)
{
    __asm__ volatile("");
}

__attribute__((noinline)) void layer_done(void *context, size_t layer)
{
    (void)context;
    (void)layer;
    __asm__ volatile("");
}

static void print_layers(const struct model *model)
{
    for (size_t i = 0; i < model_layer_count(model); i++) {
        struct model_layer_info info;
        model_layer_describe(model, i, &info);
        printf("%zu %llu %u %s %s\n", i, (unsigned long long)info.multiply_adds, info.in.channels,
               info.kind, info.name);
    }
}

int main(int argc, char **argv)
{
    struct tutti_error error;
    if (argc != 3) {
        fprintf(stderr, "usage: count_layers MODEL KERNEL\n");
        return 2;
    }
    struct model *model = model_open(argv[1], &error);
    const struct network_options options = {.kernel = argv[2]};
    struct network *network = model != NULL ? network_new(model, &options, &error) : NULL;
    if (network == NULL) {
        fprintf(stderr, "count_layers: %s\n", error.text);
        return 1;
    }
    const struct model_frontend *frontend = model_frontend(model);
    const size_t values = (size_t)frontend->columns * frontend->mel_bands;
    float *columns = malloc(values * sizeof *columns);
    if (columns == NULL)
        return 1;
    for (size_t i = 0; i < values; i++)
        columns[i] = (float)(i * 7919 % 1000) / 400 - 1;
    print_layers(model);
    float probabilities[MODEL_LABELS_MAX];
    run_begins();
    network_run_observed(network, columns, probabilities, layer_done, NULL);
    free(columns);
    network_free(network);
    model_close(model);
    return 0;
}
