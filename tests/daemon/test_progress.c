#include "daemon/progress.h"

#include "daemon/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A terminal of so many columns, to which a progress writes. */
struct terminal {
    int screen; /* what is shown is read here */
    FILE *stream;
    struct progress progress;
    char text[512];
};

static void open_terminal(struct terminal *terminal, unsigned columns)
{
    terminal->screen = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal->screen < 0)
        skip();
    assert_int_equal(grantpt(terminal->screen), 0);
    assert_int_equal(unlockpt(terminal->screen), 0);
    const int keyboard = open(ptsname(terminal->screen), O_RDWR | O_NOCTTY);
    assert_true(keyboard >= 0);
    const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    assert_int_equal(ioctl(keyboard, TIOCSWINSZ, &size), 0);
    terminal->stream = fdopen(keyboard, "w");
    progress_init(&terminal->progress, terminal->stream, 100 * CLOCK_NS_PER_S);
}

/* What is shown of a share so many seconds after the beginning, without the erasing before it. */
static const char *shown(struct terminal *terminal, double at_s, double share, const char *words)
{
    progress_show(&terminal->progress, share, words, (uint64_t)((100 + at_s) * 1e9));
    const ssize_t n = read(terminal->screen, terminal->text, sizeof terminal->text - 1);
    assert_true(n > 4);
    terminal->text[n] = '\0';
    assert_memory_equal(terminal->text, "\r\033[K", 4);
    return terminal->text + 4;
}

static void close_terminal(struct terminal *terminal)
{
    fclose(terminal->stream);
    close(terminal->screen);
}

static void tells_the_time_left(void **state)
{
    (void)state;
    struct terminal terminal;
    open_terminal(&terminal, 80);
    const char *text = shown(&terminal, 0.1, 0.5, "1 of 2 files");
    assert_string_equal(text, "[####################....................]  50% 1 of 2 files");
    assert_null(strstr(shown(&terminal, 1.9, 0.5, ""), "left"));
    assert_non_null(strstr(shown(&terminal, 10, 0.25, ""), " 25% 0:30 left"));
    assert_non_null(strstr(shown(&terminal, 10, 0.25, "1 of 4 files"), "1 of 4 files, 0:30 left"));
    assert_non_null(strstr(shown(&terminal, 100, 0.01, ""), "  1% 2:45:00 left"));
    assert_null(strstr(shown(&terminal, 1e6, 0.001, ""), "left")); /* more than four days */
    assert_null(strstr(shown(&terminal, 10, 0, ""), "left"));
    assert_null(strstr(shown(&terminal, 10, 1, ""), "left"));
    assert_non_null(strstr(shown(&terminal, 10, 0.999, ""), "0:01 left")); /* never 0:00 */
    close_terminal(&terminal);
}

static void fits_the_terminal(void **state)
{
    (void)state;
    for (unsigned columns = 24; columns < 90; columns++) {
        struct terminal terminal;
        open_terminal(&terminal, columns);
        assert_in_range(strlen(shown(&terminal, 10, 0.25, "1 of 4 files")), 1, columns - 1);
        close_terminal(&terminal);
    }
}

static void says_nothing_but_to_a_terminal(void **state)
{
    (void)state;
    struct progress progress;
    FILE *file = tmpfile();
    progress_init(&progress, file, 0);
    progress_show(&progress, 0.5, "words", 10 * CLOCK_NS_PER_S);
    progress_clear(&progress);
    assert_int_equal(ftell(file), 0);
    fclose(file);
}

static void goes_away_with_the_program(void **state)
{
    (void)state;
    struct terminal terminal;
    open_terminal(&terminal, 80);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGINT, SIG_DFL); /* whatever the test was started with */
        (void)signal(SIGHUP, SIG_IGN);
        progress_clear_when_ended(&terminal.progress);
        progress_show(&terminal.progress, 0.5, "network", 101 * CLOCK_NS_PER_S);
        (void)raise(SIGHUP);
        (void)raise(SIGINT);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    const ssize_t n = read(terminal.screen, terminal.text, sizeof terminal.text - 1);
    assert_true(n > 4);
    terminal.text[n] = '\0';
    assert_non_null(strstr(terminal.text, "network"));
    assert_string_equal(terminal.text + n - 4, "\r\033[K");
    assert_null(strstr(strstr(terminal.text, "network"), "\r\033[K\r\033[K")); /* not by SIGHUP */
    close_terminal(&terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_time_left),
        cmocka_unit_test(fits_the_terminal),
        cmocka_unit_test(says_nothing_but_to_a_terminal),
        cmocka_unit_test(goes_away_with_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
