/* held_signals.h - signals that a program asks for, with sigtimedwait(2) or signalfd(2), instead of
 * being interrupted by them.
 *
 * To block them is not enough: libraries start threads before main() (OpenBLAS does), which have
 * nothing blocked, and the kernel gives a signal to any thread that takes it. So such a thread
 * passes it on to the one that waits for it.
 *
 * For the program's first thread, which is the one that waits. Threads that it starts meanwhile
 * have these signals blocked.
 */
#ifndef TUTTI_DAEMON_HELD_SIGNALS_H
#define TUTTI_DAEMON_HELD_SIGNALS_H

#include <signal.h>

/* From here on they are held. */
void held_signals_begin(const sigset_t *signals);

/* No longer: they do again what they did before, those that wait at once. */
void held_signals_end(const sigset_t *signals);

#endif
