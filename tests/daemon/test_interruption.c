#include "daemon/interruption.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* How a child ends that does what `body` says; as of waitpid(2). */
static int end_of(void (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGINT, SIG_DFL); /* whatever this test was started with */
        signal(SIGTERM, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        body();
        _exit(7);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void expect_exit(void (*body)(void), int wanted)
{
    int status = end_of(body);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
}

static void expect_death(void (*body)(void), int wanted)
{
    int status = end_of(body);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), wanted);
}

static void without_a_signal(void)
{
    struct interruption interruption;
    interruption_begin(&interruption);
    if (interruption_came(&interruption))
        _exit(1);
    interruption_end(&interruption);
}

static void with_a_signal(void)
{
    struct interruption interruption;
    interruption_begin(&interruption);
    raise(SIGTERM);
    for (int i = 0; i < 2; i++) {
        if (!interruption_came(&interruption))
            _exit(1);
    }
    interruption_end(&interruption);
}

static void with_a_signal_that_nobody_asks_for(void)
{
    struct interruption interruption;
    interruption_begin(&interruption);
    raise(SIGINT);
    interruption_end(&interruption);
}

/* As under nohup(1). */
static void with_an_ignored_signal(void)
{
    struct interruption interruption;
    signal(SIGHUP, SIG_IGN);
    interruption_begin(&interruption);
    raise(SIGHUP);
    if (interruption_came(&interruption))
        _exit(1);
    interruption_end(&interruption);
}

static void with_a_signal_let_through(void)
{
    struct interruption interruption;
    interruption_begin(&interruption);
    interruption_let_through(&interruption, true);
    raise(SIGINT);
    _exit(1);
}

static void with_a_signal_no_longer_let_through(void)
{
    struct interruption interruption;
    interruption_begin(&interruption);
    interruption_let_through(&interruption, true);
    interruption_let_through(&interruption, false);
    raise(SIGHUP);
    _exit(interruption_came(&interruption) ? 7 : 1);
}

static void *sleep_on(void *context)
{
    sem_post(context); /* before that glibc has all signals blocked in it */
    for (;;)
        pause();
    return NULL;
}

/* As OpenBLAS starts some before main(): it takes signals, and must not end the program by them. */
static void with_a_thread_that_was_there_before(void)
{
    pthread_t thread;
    sem_t begun;
    struct interruption interruption;
    if (sem_init(&begun, 0, 0) != 0 || pthread_create(&thread, NULL, sleep_on, &begun) != 0)
        _exit(1);
    sem_wait(&begun);
    interruption_begin(&interruption);
    kill(getpid(), SIGTERM);
    for (int i = 0; i < 1000 && !interruption_came(&interruption); i++)
        usleep(10000);
    _exit(interruption_came(&interruption) ? 7 : 1);
}

static void whichever_thread_it_comes_to(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        expect_exit(with_a_thread_that_was_there_before, 7);
}

static void ends_by_the_signal_that_came(void **state)
{
    (void)state;
    expect_exit(without_a_signal, 7);
    expect_death(with_a_signal, SIGTERM);
    expect_death(with_a_signal_that_nobody_asks_for, SIGINT);
    expect_exit(with_an_ignored_signal, 7);
}

static void lets_signals_through_where_it_may_block(void **state)
{
    (void)state;
    expect_death(with_a_signal_let_through, SIGINT);
    expect_exit(with_a_signal_no_longer_let_through, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_by_the_signal_that_came),
        cmocka_unit_test(whichever_thread_it_comes_to),
        cmocka_unit_test(lets_signals_through_where_it_may_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
