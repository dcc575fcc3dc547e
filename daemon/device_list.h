/* device_list.h - the input devices that PortAudio knows, with their stable names
 * and its numbers for them. Private to the device source.
 */
#ifndef TUTTI_DAEMON_DEVICE_LIST_H
#define TUTTI_DAEMON_DEVICE_LIST_H

#include "common/status.h"
#include "daemon/source.h"

#include <portaudio.h>
#include <stddef.h>

struct device_list {
    size_t count;
    struct source_device *device; /* [count] */
    PaDeviceIndex *index;         /* [count] */
};

/* Fills *list; the caller is in the audio system (audio_system.h). On failure there is nothing to
 * free. */
enum tutti_status device_list_read(struct device_list *list, struct tutti_error *error);
void device_list_free(struct device_list *list);

#endif
