/* live.h - what a client knows of one source of a daemon: the labels, what plays now and since
 * when, the level, the state of the source and of the connection.
 *
 * It is fed with the events of the API's stream (API.md) and believes nothing: numbers are checked,
 * names made fit to be shown, and of labels there are LIVE_LABELS_MAX at most. No I/O.
 *
 * A plain value (some 30 KB) that belongs to one thread. now_ns is CLOCK_MONOTONIC throughout.
 */
#ifndef TUTTI_DAEMON_LIVE_H
#define TUTTI_DAEMON_LIVE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_LABELS_MAX 256 /* the most a model can have */
#define LIVE_NAME_SIZE 64
#define LIVE_REASON_SIZE 256
#define LIVE_SILENT_DBFS (-90.0)     /* a level from which on down it is silence */
#define LIVE_STALE_S 3.0             /* without a frame, from when on nothing is claimed any more */
#define LIVE_UNREACHABLE_S 8.0       /* without a connection, until it is called that */
#define LIVE_TIME_MAX 253402300799.0 /* the end of the year 9999, in s since 1970 */

enum live_link { LIVE_CONNECTING, LIVE_CONNECTED, LIVE_BROKEN };

/* Whether it is known since when everything plays that does: not before `cues` has been answered
 * after a connection was made, or after events were dropped, entries perhaps among them. */
enum live_entries { LIVE_ENTRIES_AWAITED, LIVE_ENTRIES_KNOWN, LIVE_ENTRIES_UNKNOWN };

struct live_label {
    char label[LIVE_NAME_SIZE]; /* as the daemon has it: "acoustic_guitar" */
    char name[LIVE_NAME_SIZE];  /* as people read it: "acoustic guitar" */
    double probability;         /* 0 to 1 */
    double threshold;           /* from which it counts as playing; 0: not known */
    bool present;
    double entered;        /* time of the last entry, s since 1970 by the daemon's clock; 0: none */
    uint64_t present_from; /* frame that was the first of those with it, for an order; 0: none */
    uint64_t present_last; /* the last frame with it; 0: none */
};

struct live {
    struct live_label labels[LIVE_LABELS_MAX];
    size_t label_count;
    double window_s;
    double hop_s;
    char model[LIVE_NAME_SIZE];
    char version[LIVE_NAME_SIZE];

    char source[LIVE_NAME_SIZE]; /* what is listened to; "": not known */
    char state[16];              /* API.md; "": not known */
    bool is_device;
    unsigned hop_stretch; /* at least 1 */

    uint64_t frames;  /* heard so far */
    double t;         /* of the newest frame, s */
    double time;      /* of it, s since 1970 by the daemon's clock; 0: none so far */
    uint64_t time_ns; /* when that came */
    double level_dbfs;
    double peak_dbfs;
    uint64_t frame_ns; /* when the newest frame came; 0: none counts */
    enum live_entries entries;
    uint64_t hello_ns;
    uint64_t loud_ns;    /* when there was no silence last */
    uint64_t clipped_ns; /* when it was overdriven last; 0: never */

    enum live_link link;
    uint64_t broken_ns;            /* since when there is no connection */
    char reason[LIVE_REASON_SIZE]; /* why */
};

void live_init(struct live *live, uint64_t now_ns);

/* Takes an event. False for one that is not what it should be, which changes nothing; types that
 * are not known are fine. data: may be NULL. */
bool live_take(struct live *live, const char *type, const cJSON *data, uint64_t now_ns);

/* Takes the answer of `info`: where presence begins, and whether the source is a device. */
void live_take_info(struct live *live, const cJSON *info);

/* Takes the answer of `cues`: when each instrument came in last, also where that was before the
 * connection was made. NULL, or no list of entries: there is no answer, and that is noted. */
void live_take_cues(struct live *live, const cJSON *cues);

/* The connection has changed. reason: why there is none; NULL or "": not known. */
void live_set_link(struct live *live, enum live_link link, const char *reason, uint64_t now_ns);

/* What time it is by the daemon's clock, s since 1970; 0: not known. */
double live_time_now(const struct live *live, uint64_t now_ns);

/* The label's place, or label_count if there is none of that name. */
size_t live_find(const struct live *live, const char *label);

/* The places of the labels that play, in the order in which they came; returns their number. */
size_t live_present(const struct live *live, size_t places[LIVE_LABELS_MAX]);

#endif
