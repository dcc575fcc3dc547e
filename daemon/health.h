/* health.h - which stage of a pipeline is late, since when; never a guess.
 *
 * Each stage notes when it last did its work; whoever asks compares that with
 * the clock. So a dead thread cannot report itself healthy. After a pause of the sound
 * nobody is blamed for what he could not do while there was none.
 *
 * Threads: health_note() from the stage's thread, real-time safe; health_check()
 * from any.
 */
#ifndef TUTTI_DAEMON_HEALTH_H
#define TUTTI_DAEMON_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_GRACE_S 3.0

enum health_stage {
    HEALTH_CAPTURE,    /* samples arrive */
    HEALTH_LISTENER,   /* columns are made */
    HEALTH_RECOGNIZER, /* results are made */
    HEALTH_PUBLISHER,  /* results are in the timeline */
    HEALTH_STAGES
};

struct health {
    _Atomic uint64_t started_ns;
    _Atomic uint64_t last_ns[HEALTH_STAGES]; /* CLOCK_MONOTONIC; 0: never */
    _Atomic uint64_t resumed_ns;             /* when sound came again after a pause; 0: no pause */
};

struct health_report {
    bool healthy;
    enum health_stage late; /* the first late stage in the path, if not healthy */
    double late_s; /* for how long it has been silent (since start if it never spoke, or since sound
                      came again); 0 if healthy */
};

/* now_ns: CLOCK_MONOTONIC. A note that is older than the stage's last one is ignored. */
void health_init(struct health *health, uint64_t now_ns);
void health_note(struct health *health, enum health_stage stage, uint64_t now_ns);

/* Sound came again at this time after a pause: until then nobody behind the source had anything to
 * do. Threads as health_check(). */
void health_resume(struct health *health, uint64_t resumed_ns);

/* A stage is late when it has been silent for longer than limit_s, and the recognizer and the
 * publisher, which speak once a hop, for longer than limit_s + hop_s. A stage that has not spoken
 * yet has HEALTH_GRACE_S from the start if that is more. The silence of all but capture counts at
 * the earliest from when sound came again. */
struct health_report health_check(const struct health *health, uint64_t now_ns, double limit_s,
                                  double hop_s);

/* "capture", "listener", "recognizer", "publisher". */
const char *health_stage_name(enum health_stage stage);

#endif
