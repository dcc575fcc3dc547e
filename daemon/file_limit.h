/* file_limit.h - how many files this process may have open at once.
 *
 * The system has two limits (setrlimit(2), RLIMIT_NOFILE): a soft one, often 1,024, which
 * holds, and a hard one, up to which a process may raise it.
 *
 * Threads: the limit is the process's; call it from one thread, before others open files.
 */
#ifndef TUTTI_DAEMON_FILE_LIMIT_H
#define TUTTI_DAEMON_FILE_LIMIT_H

#include <stddef.h>

/* Raises the limit to `needed` if it is lower, as far as the system allows, and returns what holds
 * then; SIZE_MAX: it is not known. */
size_t file_limit_raise(size_t needed);

#endif
