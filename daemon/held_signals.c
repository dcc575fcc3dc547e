#include "daemon/held_signals.h"

#include <stddef.h>
#include <unistd.h>

#define SIGNALS_MAX 65 /* of Linux, with 0 */

static struct sigaction before[SIGNALS_MAX];

/* In the first thread, which has it blocked, this runs only if it was let through: then it does
 * what it would have done without us. */
static void pass_on(int number)
{
    const pid_t first = getpid(); /* the number of the first thread, too */
    if (gettid() != first) {
        (void)tgkill(first, first, number);
        return;
    }
    (void)sigaction(number, &before[number], NULL);
    (void)raise(number); /* once this function returns */
}

void held_signals_begin(const sigset_t *signals)
{
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    for (int number = 1; number < SIGNALS_MAX; number++) {
        if (sigismember(signals, number) == 1)
            (void)sigaction(number, &action, &before[number]);
    }
}

void held_signals_end(const sigset_t *signals)
{
    for (int number = 1; number < SIGNALS_MAX; number++) {
        if (sigismember(signals, number) == 1)
            (void)sigaction(number, &before[number], NULL);
    }
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}
