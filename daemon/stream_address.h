/* stream_address.h - from what a person types to where the API of a daemon's source is.
 *
 * Taken are an address in full, as of the page ("http://hall:8808/", "https://hall.example/tutti/",
 * "http://hall:8808/?source=foyer"), and a host with or without its port ("hall", "[::1]:8808"),
 * which means HTTP and the port of the daemon. No state; any thread.
 */
#ifndef TUTTI_DAEMON_STREAM_ADDRESS_H
#define TUTTI_DAEMON_STREAM_ADDRESS_H

#include "common/status.h"

#include <stdbool.h>

#define STREAM_ADDRESS_SIZE 1024
#define STREAM_ADDRESS_DEFAULT "http://127.0.0.1:8808/"
#define STREAM_ADDRESS_PORT "8808"

struct stream_address {
    char stream[STREAM_ADDRESS_SIZE]; /* URL of the stream of events */
    char info[STREAM_ADDRESS_SIZE];   /* URL of info */
    char cues[STREAM_ADDRESS_SIZE];   /* URL of the entries and exits so far */
    char shown[STREAM_ADDRESS_SIZE];  /* URL of the daemon to tell people, without a password */
    bool local;                       /* a loopback address: no proxy is asked */
};

/* source: the name of one of several; NULL: the one that the address names, or the first.
 * TUTTI_ERROR_ARGUMENT with a sentence in *error for what is no address or no name of a source. */
enum tutti_status stream_address_parse(const char *text, const char *source,
                                       struct stream_address *address, struct tutti_error *error);

#endif
