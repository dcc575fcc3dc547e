/* Tutti's own networks as peers.
 *
 *   peer_tutti MODEL WINDOWS KERNEL|float */
#include "tests/bench/peers/peer.h"

#include "nn/network.h"
#include "nn/network_float.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

static void run_int8(void *network, const float *columns, float *probabilities)
{
    network_run(network, columns, probabilities);
}

static void run_float(void *network, const float *columns, float *probabilities)
{
    float_network_run(network, columns, probabilities);
}

static int serve_float(const struct model *model, const char *windows)
{
    struct float_network *network = float_network_new(model, NULL);
    if (network == NULL)
        return 1;
    openblas_set_num_threads(1);
    const struct peer peer = {"Tutti float, OpenBLAS", run_float, network, 0};
    const int status = peer_serve(&peer, model, windows);
    float_network_free(network);
    return status;
}

static int serve_int8(const struct model *model, const char *windows, const char *kernel)
{
    struct tutti_error error;
    const struct network_options options = {.kernel = *kernel != '\0' ? kernel : NULL};
    struct network *network = network_new(model, &options, &error);
    if (network == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return error.status == TUTTI_ERROR_UNSUPPORTED ? PEER_ABSENT : 1;
    }
    char name[64];
    snprintf(name, sizeof name, "Tutti int8, %s", network_kernel_name(network));
    const struct peer peer = {name, run_int8, network, 0};
    const int status = peer_serve(&peer, model, windows);
    network_free(network);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "peer_tutti MODEL WINDOWS [KERNEL|float]\n");
        return 2;
    }
    const char *which = argc == 4 ? argv[3] : "";
    const struct model *model = peer_open(argv[1]);
    return strcmp(which, "float") == 0 ? serve_float(model, argv[2])
                                       : serve_int8(model, argv[2], which);
}
