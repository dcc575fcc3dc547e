#include "daemon/early_end.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a program says that blocks SIGTERM, begins, finishes if it is to, and never goes on. */
static int status_of_a_start(bool finish, char *said, size_t size)
{
    int ready[2], output[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(output), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
        struct log log;
        log_init(&log, fdopen(output[1], "w"), "tuttid", LOG_LEVEL_INFO);
        struct early_end *early_end = early_end_begin(&signals, &log);
        if (finish)
            early_end_finish(early_end);
        if (write(ready[1], "x", 1) != 1)
            _exit(3);
        if (finish) {
            int number = 0;
            sigwait(&signals, &number);
            _exit(number == SIGTERM ? 7 : 3);
        }
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGTERM), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    close(output[1]);
    const ssize_t length = read(output[0], said, size - 1);
    said[length > 0 ? length : 0] = '\0';
    close(output[0]);
    close(ready[0]);
    close(ready[1]);
    return status;
}

static void ends_a_start_that_hangs(void **state)
{
    (void)state;
    char said[200];
    const int status = status_of_a_start(false, said, sizeof said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(said, "tuttid: stopping before the start was over: Terminated\n");
}

static void leaves_signals_to_others_once_finished(void **state)
{
    (void)state;
    char said[200];
    const int status = status_of_a_start(true, said, sizeof said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_string_equal(said, "");
    early_end_finish(NULL);
}

int main(void)
{
    unsetenv("JOURNAL_STREAM");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_a_start_that_hangs),
        cmocka_unit_test(leaves_signals_to_others_once_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
