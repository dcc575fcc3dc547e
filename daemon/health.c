#include "daemon/health.h"

#include "daemon/clock.h"

void health_init(struct health *health, uint64_t now_ns)
{
    atomic_store_explicit(&health->started_ns, now_ns, memory_order_relaxed);
    atomic_store_explicit(&health->resumed_ns, 0, memory_order_relaxed);
    for (int stage = 0; stage < HEALTH_STAGES; stage++)
        atomic_store_explicit(&health->last_ns[stage], 0, memory_order_relaxed);
}

void health_note(struct health *health, enum health_stage stage, uint64_t now_ns)
{
    _Atomic uint64_t *last_ns = &health->last_ns[stage];
    if (now_ns > atomic_load_explicit(last_ns, memory_order_relaxed))
        atomic_store_explicit(last_ns, now_ns, memory_order_release);
}

void health_resume(struct health *health, uint64_t resumed_ns)
{
    atomic_store_explicit(&health->resumed_ns, resumed_ns, memory_order_relaxed);
}

struct health_report health_check(const struct health *health, uint64_t now_ns, double limit_s,
                                  double hop_s)
{
    const uint64_t started_ns = atomic_load_explicit(&health->started_ns, memory_order_relaxed);
    for (int stage = 0; stage < HEALTH_STAGES; stage++) {
        const uint64_t last_ns =
            atomic_load_explicit(&health->last_ns[stage], memory_order_acquire);
        /* After the note, so that the end of the pause is seen with the first sound behind it. */
        const uint64_t resumed_ns = atomic_load_explicit(&health->resumed_ns, memory_order_relaxed);
        uint64_t since_ns = last_ns != 0 ? last_ns : started_ns;
        if (stage != HEALTH_CAPTURE && since_ns < resumed_ns)
            since_ns = resumed_ns;
        const double silent_s =
            now_ns > since_ns ? (double)(now_ns - since_ns) / (double)CLOCK_NS_PER_S : 0.0;
        const bool once_a_hop = stage == HEALTH_RECOGNIZER || stage == HEALTH_PUBLISHER;
        double allowed_s = once_a_hop ? limit_s + hop_s : limit_s;
        if (last_ns == 0 && allowed_s < HEALTH_GRACE_S)
            allowed_s = HEALTH_GRACE_S;
        if (silent_s > allowed_s)
            return (struct health_report){false, (enum health_stage)stage, silent_s};
    }
    return (struct health_report){.healthy = true, .late = HEALTH_CAPTURE, .late_s = 0.0};
}

const char *health_stage_name(enum health_stage stage)
{
    static const char *const names[HEALTH_STAGES] = {"capture", "listener", "recognizer",
                                                     "publisher"};
    return (unsigned)stage < HEALTH_STAGES ? names[stage] : "?";
}
