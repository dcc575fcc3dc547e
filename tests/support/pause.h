/* pause.h - waiting, in tests of what goes on by itself. */
#ifndef TUTTI_TESTS_SUPPORT_PAUSE_H
#define TUTTI_TESTS_SUPPORT_PAUSE_H

#include <time.h>

/* Any thread. */
static inline void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

#endif
