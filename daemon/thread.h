/* thread.h - starts a named thread that no signal disturbs.
 *
 * Signals stay with the thread that waits for them: every thread made here has all
 * of them blocked, and so have the threads that it makes itself.
 */
#ifndef TUTTI_DAEMON_THREAD_H
#define TUTTI_DAEMON_THREAD_H

#include "common/status.h"

#include <pthread.h>

#define THREAD_NAME_SIZE 16 /* bytes with the terminating 0, as the kernel keeps it */

/* Starts body(context) as a thread with a name of up to 15 characters; join it with pthread_join().
 */
enum tutti_status thread_start(pthread_t *thread, const char *name, void *(*body)(void *),
                               void *context, struct tutti_error *error);

/* Processor cores that this process may use, at least 1. */
unsigned thread_cores(void);

#endif
