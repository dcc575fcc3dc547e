/* peer.h - what every program that runs the network here has in common, so that compare.py can
 * start them all and let them take turns.
 *
 *   peer MODEL WINDOWS ...
 *
 * WINDOWS: windows of mel columns, one after the other, floats of the machine. The program prints
 * one line of JSON, {"name": ..., "probabilities": [[...], ...]}, a list for each window. Then for
 * every line "N" on its input it runs the first window once for the caches and N times more, and
 * prints the N times in milliseconds.
 *
 * exit status 3: this machine or build does not have what the peer needs; stderr says what.
 */
#ifndef TUTTI_TESTS_BENCH_PEERS_PEER_H
#define TUTTI_TESTS_BENCH_PEERS_PEER_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stddef.h>

#define PEER_ABSENT 3

struct model;

/* Runs a window. outputs[labels and neighbours]. */
typedef void peer_run(void *context, const float *columns, float *outputs);

/* What a peer is: name for the table; whether run gives logits, which then become probabilities. */
struct peer {
    const char *name;
    peer_run *run;
    void *context;
    int gives_logits;
};

/* A clock, in milliseconds. */
double peer_now_ms(void);

/* Opens the model or ends the program. */
const struct model *peer_open(const char *path);

/* Serves as above until the input ends; returns the exit status. */
int peer_serve(const struct peer *peer, const struct model *model, const char *windows_path);

#ifdef __cplusplus
}
#endif

#endif
