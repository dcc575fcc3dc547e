/* live_sentence.h - the state of things in plain words, as the page has it (web/state.js): what
 * breaks the chain first is named first: the connection, then the source, then the recognizer, then
 * the sound itself. Pure; any thread.
 */
#ifndef TUTTI_DAEMON_LIVE_SENTENCE_H
#define TUTTI_DAEMON_LIVE_SENTENCE_H

#include "daemon/live.h"

#include <stdbool.h>
#include <stdint.h>

/* LIVE_QUIET: all is well, but nothing sounds. */
enum live_mood { LIVE_GOOD, LIVE_QUIET, LIVE_WAIT, LIVE_BAD };

struct live_sentence {
    enum live_mood mood;
    const char *title; /* in place of instruments while none plays */
    const char *chip;  /* two words about the connection */
    char detail[400];  /* a sentence, or "" */
    bool stale;        /* what was heard last no longer counts */
};

struct live_sentence live_describe(const struct live *live, uint64_t now_ns);

/* A time as people say it: "0.4 s", "1 min 35 s", "2 h 1 min". */
void live_write_duration(double duration_s, char *text, size_t size);

#endif
