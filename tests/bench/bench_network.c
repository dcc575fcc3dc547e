/* bench_network.c - what one window through the network costs: each kernel of the int8 network and
 * the float reference, in one thread, taking turns in one run, so that whatever else the machine
 * does meets all of them alike. Then each layer of the fastest kernel.
 *
 *   bench_network [MODEL]
 *
 * Without a model: a MobileNetV3 of the size that Tutti uses (300 columns of 128 bands, 34 million
 * multiply-adds), with random weights. Exits with 1 if the fastest kernel needs more than 3 ms. */
#include "nn/network.h"
#include "nn/network_float.h"

#include "tests/nn/support/model_builder.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 100, RUNNERS_MAX = 8 };

#define MAX_MS 3.0

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* --- the model ----------------------------------------------------------------------- */

struct block {
    unsigned kernel, stride, expanded, out, squeezed;
    const char *activation;
};

static const struct block blocks[] = {
    {3, 1, 8, 8, 0, "relu"},          {3, 2, 24, 16, 0, "relu"},
    {3, 1, 32, 16, 0, "relu"},        {5, 2, 32, 16, 8, "relu"},
    {5, 1, 48, 16, 16, "relu"},       {5, 1, 48, 16, 16, "relu"},
    {3, 2, 96, 32, 0, "hardswish"},   {3, 1, 80, 32, 0, "hardswish"},
    {3, 1, 72, 32, 0, "hardswish"},   {3, 1, 72, 32, 0, "hardswish"},
    {3, 1, 192, 48, 48, "hardswish"}, {3, 1, 272, 48, 72, "hardswish"},
    {5, 2, 272, 64, 72, "hardswish"}, {5, 1, 384, 64, 96, "hardswish"},
    {5, 1, 384, 64, 96, "hardswish"},
};

static void add_block(struct builder *b, const struct block *block)
{
    const unsigned kernel[2] = {block->kernel, block->kernel};
    const unsigned stride[2] = {block->stride, block->stride};
    const unsigned padding[2] = {(block->kernel - 1) / 2, (block->kernel - 1) / 2};
    const int before = (int)b->layers - 1;
    const bool residual = block->stride == 1 && b->shape.channels == block->out;
    if (block->expanded != b->shape.channels)
        builder_pointwise(b, block->expanded, block->activation, -1);
    builder_depthwise(b, kernel, stride, padding, block->activation);
    if (block->squeezed > 0)
        builder_squeeze_excite(b, block->squeezed);
    builder_pointwise(b, block->out, "none", residual ? before : -1);
}

/* Schmid, Koutini, Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge
 * distillation", ICASSP 2023: the network of width 0.4, here with 20 labels. */
static struct model *make_model(void)
{
    static const unsigned three[2] = {3, 3}, two[2] = {2, 2}, one[2] = {1, 1};
    struct builder *b = builder_new(1, 300, 128, 20);
    builder_conv(b, 8, three, two, one, "hardswish");
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        add_block(b, &blocks[i]);
    builder_pointwise(b, 384, "hardswish", -1);
    builder_mean(b);
    builder_linear(b, 512, "hardswish");
    builder_head(b, 20);
    struct model *model = builder_open(b);
    builder_free(b);
    return model;
}

/* --- who is measured ----------------------------------------------------------------- */

struct runner {
    char name[32];
    struct network *network; /* or: */
    struct float_network *float_network;
    double times[ROUNDS], min, median;
};

static size_t make_runners(const struct model *model, struct runner *runners)
{
    size_t count = 0;
    bool available;
    for (size_t k = 0; network_kernel(k, &available) != NULL && count + 1 < RUNNERS_MAX; k++) {
        if (!available)
            continue;
        const struct network_options options = {.kernel = network_kernel(k, NULL)};
        snprintf(runners[count].name, sizeof runners[count].name, "int8 %s", options.kernel);
        runners[count++].network = network_new(model, &options, NULL);
    }
    snprintf(runners[count].name, sizeof runners[count].name, "float OpenBLAS");
    runners[count++].float_network = float_network_new(model, NULL);
    return count;
}

static void run(const struct runner *runner, const float *columns)
{
    float probabilities[MODEL_LABELS_MAX];
    if (runner->network != NULL)
        network_run(runner->network, columns, probabilities);
    else
        float_network_run(runner->float_network, columns, probabilities);
}

static void measure(struct runner *runners, size_t count, const float *columns)
{
    for (int round = -3; round < ROUNDS; round++) { /* the first three warm up */
        for (size_t i = 0; i < count; i++) {
            const double start = now();
            run(&runners[i], columns);
            if (round >= 0)
                runners[i].times[round] = now() - start;
        }
    }
    for (size_t i = 0; i < count; i++) {
        qsort(runners[i].times, ROUNDS, sizeof runners[i].times[0], compare_doubles);
        runners[i].min = runners[i].times[0];
        runners[i].median = runners[i].times[ROUNDS / 2];
    }
}

/* --- layers -------------------------------------------------------------------------- */

struct profile {
    double last;
    double times[MODEL_LAYERS_MAX][ROUNDS];
    int round;
};

static void layer_done(void *context, size_t layer)
{
    struct profile *profile = context;
    const double time = now();
    profile->times[layer][profile->round] = time - profile->last;
    profile->last = now();
}

static void print_layers(const struct model *model, struct network *network, const float *columns)
{
    static struct profile profile;
    float probabilities[MODEL_LABELS_MAX];
    for (profile.round = 0; profile.round < ROUNDS; profile.round++) {
        profile.last = now();
        network_run_observed(network, columns, probabilities, layer_done, &profile);
    }
    printf("\n%-28s %-14s %9s %9s %9s %8s\n", "layer", "kind", "min us", "median us", "M mult-add",
           "GMAC/s");
    for (size_t i = 0; i < model_layer_count(model); i++) {
        struct model_layer_info info;
        double *times = profile.times[i];
        model_layer_describe(model, i, &info);
        qsort(times, ROUNDS, sizeof *times, compare_doubles);
        printf("%-28s %-14s %9.1f %9.1f %9.3f %8.1f\n", info.name, info.kind, 1e6 * times[0],
               1e6 * times[ROUNDS / 2], 1e-6 * (double)info.multiply_adds,
               1e-9 * (double)info.multiply_adds / times[0]);
    }
}

static void print_runners(const struct runner *runners, size_t count, const struct model *model)
{
    const struct runner *reference = &runners[count - 1];
    const double multiply_adds = (double)model_multiply_adds(model);
    printf("%.1f million multiply-adds, %zu bytes of weights, one thread, %d windows each\n",
           1e-6 * multiply_adds, model_weight_bytes(model), (int)ROUNDS);
    for (size_t i = 0; i < count; i++)
        printf("%-16s min %7.3f ms, median %7.3f ms, %6.1f GMAC/s, %5.1f times as fast as float\n",
               runners[i].name, 1e3 * runners[i].min, 1e3 * runners[i].median,
               1e-9 * multiply_adds / runners[i].min, reference->min / runners[i].min);
}

int main(int argc, char **argv)
{
    static struct runner runners[RUNNERS_MAX];
    struct tutti_error error;
    struct model *model = argc > 1 ? model_open(argv[1], &error) : make_model();
    if (model == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    openblas_set_num_threads(1);
    const struct model_frontend *frontend = model_frontend(model);
    const size_t values = (size_t)frontend->columns * frontend->mel_bands;
    float *columns = malloc(values * sizeof *columns);
    const size_t count = make_runners(model, runners);
    for (size_t i = 0; columns != NULL && i < values; i++)
        columns[i] = (float)(i * 7919 % 1000) / 400 - 1;
    if (columns == NULL || runners[count - 1].float_network == NULL)
        return 2;
    measure(runners, count, columns);
    print_runners(runners, count, model);
    print_layers(model, runners[count - 2].network, columns);
    const double fastest_ms = 1e3 * runners[count - 2].min;
    for (size_t i = 0; i < count; i++) {
        network_free(runners[i].network);
        float_network_free(runners[i].float_network);
    }
    free(columns);
    model_close(model);
    return fastest_ms > MAX_MS;
}
