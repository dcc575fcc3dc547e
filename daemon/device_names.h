/* device_names.h - names of input devices that survive a reboot, and finding a
 * device by one.
 *
 * The system numbers sound cards in the order in which they appear, and PortAudio
 * puts that number into the name: "USB Audio: Line (hw:1,0)". The name without the
 * number is used where it is unique.
 *
 * Threads: any; nothing here has state.
 */
#ifndef TUTTI_DAEMON_DEVICE_NAMES_H
#define TUTTI_DAEMON_DEVICE_NAMES_H

#include "common/status.h"
#include "daemon/source.h"

#include <stddef.h>

/* Fills devices[i].name from system_name and backend, for each of `count` devices: the system's
 * name without a last part in parentheses that begins with "hw:" or "plughw:" if no other device
 * has the same rest; else as it is; and where even that occurs twice, as "BACKEND: SYSTEM NAME". */
void device_names_make_stable(struct source_device *devices, size_t count);

/* The index of the device meant by text: the default one for "" and "default"; else the only one
 * with exactly that name; if there is none, the only one with exactly that system name; if there is
 * none, the only one whose name fits it as a shell pattern or contains it, upper and lower case
 * alike. -1 with TUTTI_ERROR_NOT_FOUND and a sentence that lists the devices
 * there are, or those that fit if there are several. */
int device_names_find(const struct source_device *devices, size_t count, const char *text,
                      struct tutti_error *error);

#endif
