/* interruption.h - Ctrl-C and its like (SIGINT, SIGTERM, SIGHUP) as something that a
 * command asks for, so that it can put away what it began before it ends.
 *
 * A plain value. Used by the program's first thread; threads started meanwhile have
 * these signals blocked.
 */
#ifndef TUTTI_DAEMON_INTERRUPTION_H
#define TUTTI_DAEMON_INTERRUPTION_H

#include <signal.h>
#include <stdbool.h>

struct interruption {
    sigset_t signals; /* those that are held back */
    int number;       /* the one that came; 0: none */
};

/* Which of SIGINT, SIGTERM and SIGHUP end the program: not those that it was started to ignore, as
 * nohup(1) and a shell's background do. */
void interruption_signals(sigset_t *signals);

/* Holds these signals back, but those that whoever started the program has blocked. */
void interruption_begin(struct interruption *interruption);

/* Whether one came since the beginning. Does not wait. */
bool interruption_came(struct interruption *interruption);

/* While something may block, such as writing to a pipe: lets the signals through, which end the
 * program at once; or no longer. */
void interruption_let_through(struct interruption *interruption, bool through);

/* Back to how it was. If one came, the program ends by it, as its parent expects. */
void interruption_end(struct interruption *interruption);

#endif
