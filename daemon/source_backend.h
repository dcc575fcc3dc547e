/* source_backend.h - what one kind of source has to offer; only source.c and the
 * backends include it. A new kind of source is one more table in source.c's list
 * and touches no other.
 */
#ifndef TUTTI_DAEMON_SOURCE_BACKEND_H
#define TUTTI_DAEMON_SOURCE_BACKEND_H

#include "daemon/source.h"

#include <stdatomic.h>

struct source_backend {
    const char *kind; /* as source_kind() gives it */

    /* Whether this kind is meant by config->input. The first in the list that says yes is opened.
     */
    bool (*accepts)(const char *input);

    /* Sets source->self, rate_hz and name. On failure nothing is left behind. */
    enum tutti_status (*open)(struct source *source, const struct source_config *config,
                              struct tutti_error *error);

    /* Begins delivering into source->capture. It keeps source->state true from here on, and calls
     * capture_end() when its sound is over. */
    enum tutti_status (*start)(struct source *source, struct tutti_error *error);

    /* Stops delivering: after that nothing touches the capture queue. Called once, after start
     * succeeded. False if a device hangs: then it may touch *source and source->self at any time,
     * and both are abandoned. */
    bool (*stop)(struct source *source);

    /* As source_hangs(), after start; NULL for a kind that cannot hang. */
    bool (*hangs)(const struct source *source);

    /* Frees source->self; called when it does not run. */
    void (*close)(struct source *source);
};

struct source {
    const struct source_backend *backend;
    void *self;
    char name[256];
    unsigned rate_hz;
    int channel;
    float gain;
    struct capture *capture; /* NULL until it is started */
    bool running;            /* started and not yet stopped */
    atomic_bool abandoned;   /* could not be stopped */
    _Atomic(enum source_state) state;
    _Atomic(const char *) looks_like; /* as source_looks_like(); a static text */
};

extern const struct source_backend source_demo;
extern const struct source_backend source_stdin;
extern const struct source_backend source_file;
extern const struct source_backend source_device;

void source_set_state(struct source *source, enum source_state state);

#endif
