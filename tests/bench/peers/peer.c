#include "tests/bench/peers/peer.h"

#include "nn/model_layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double peer_now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

const struct model *peer_open(const char *path)
{
    struct tutti_error error;
    const struct model *model = model_open(path, &error);
    if (model == NULL) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return model;
}

static float *read_windows(const char *path, size_t values, size_t *count)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    float *windows = NULL;
    for (*count = 0;; ++*count) {
        float *longer = realloc(windows, (*count + 1) * values * sizeof *windows);
        if (longer == NULL)
            break;
        windows = longer;
        if (fread(windows + *count * values, sizeof *windows, values, file) != values)
            break;
    }
    fclose(file);
    return windows;
}

static void run(const struct peer *peer, const struct model *model, const float *columns,
                float *probabilities)
{
    peer->run(peer->context, columns, probabilities);
    if (peer->gives_logits)
        calibration_apply(model_calibration(model), probabilities, probabilities);
}

static void print_outputs(const struct peer *peer, const struct model *model, const float *windows,
                          size_t values, size_t count)
{
    float probabilities[MODEL_OUTPUTS_MAX];
    printf("{\"name\": \"%s\", \"probabilities\": [", peer->name);
    for (size_t i = 0; i < count; i++) {
        run(peer, model, windows + i * values, probabilities);
        for (size_t label = 0; label < model_label_count(model); label++)
            printf("%s%.9g", label == 0 ? (i == 0 ? "[" : "], [") : ", ",
                   (double)probabilities[label]);
    }
    printf("]]}\n");
    fflush(stdout);
}

int peer_serve(const struct peer *peer, const struct model *model, const char *windows_path)
{
    const struct model_frontend *frontend = model_frontend(model);
    const size_t values = (size_t)frontend->columns * frontend->mel_bands;
    float probabilities[MODEL_OUTPUTS_MAX];
    size_t count = 0;
    float *windows = read_windows(windows_path, values, &count);
    if (windows == NULL || count == 0) {
        fprintf(stderr, "%s: no windows\n", windows_path);
        free(windows);
        return 1;
    }
    print_outputs(peer, model, windows, values, count);
    unsigned times;
    while (scanf("%u", &times) == 1) {
        run(peer, model, windows, probabilities);
        for (unsigned i = 0; i < times; i++) {
            const double begun = peer_now_ms();
            run(peer, model, windows, probabilities);
            printf("%.6f ", peer_now_ms() - begun);
        }
        printf("\n");
        fflush(stdout);
    }
    free(windows);
    return 0;
}
