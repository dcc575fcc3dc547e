#include "daemon/interruption.h"

#include "daemon/held_signals.h"

#include <stddef.h>
#include <time.h>

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

void interruption_signals(sigset_t *signals)
{
    sigemptyset(signals);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(signals, numbers[i]);
    }
}

void interruption_begin(struct interruption *interruption)
{
    sigset_t blocked; /* they stay so */
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    interruption_signals(&interruption->signals);
    interruption->number = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (sigismember(&blocked, numbers[i]))
            sigdelset(&interruption->signals, numbers[i]);
    }
    held_signals_begin(&interruption->signals);
}

bool interruption_came(struct interruption *interruption)
{
    if (interruption->number == 0) {
        int number = sigtimedwait(&interruption->signals, NULL, &(struct timespec){0});
        interruption->number = number > 0 ? number : 0;
    }
    return interruption->number != 0;
}

void interruption_let_through(struct interruption *interruption, bool through)
{
    pthread_sigmask(through ? SIG_UNBLOCK : SIG_BLOCK, &interruption->signals, NULL);
}

void interruption_end(struct interruption *interruption)
{
    held_signals_end(&interruption->signals);
    if (interruption->number != 0)
        raise(interruption->number);
}
