/* tuttid and signals: a clean end on SIGINT, SIGTERM and SIGHUP, whatever it is doing. In C,
 * because a shell starts its background commands with SIGINT ignored. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS 60000 /* under a sanitizer on a busy machine */
#define END_MS 20000   /* or it hangs */

struct daemon {
    pid_t pid;
    int input;  /* the writing end of its standard input */
    int output; /* the reading end of its stderr */
    char text[4096];
    size_t length;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static void start_ignoring(struct daemon *daemon, int ignored)
{
    int input[2];
    int output[2];
    *daemon = (struct daemon){0};
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    daemon->pid = fork();
    assert_true(daemon->pid >= 0);
    if (daemon->pid == 0) {
        setenv("TUTTI_CONFIG", "/dev/null", 1);
        dup2(input[0], 0);
        dup2(output[1], 2);
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        if (ignored != 0)
            signal(ignored, SIG_IGN);
        execl(getenv("TUTTID"), "tuttid", "--model", getenv("MODEL"), "--input", "-", "--listen",
              "127.0.0.1:0", (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    daemon->input = input[1];
    daemon->output = output[0];
}

static void start(struct daemon *daemon)
{
    start_ignoring(daemon, 0);
}

/* Reads what it tells until `wanted` is there. */
static void wait_for_text(struct daemon *daemon, const char *wanted)
{
    double deadline = now_ms() + START_MS;
    while (strstr(daemon->text, wanted) == NULL) {
        struct pollfd poller = {.fd = daemon->output, .events = POLLIN};
        int left = (int)(deadline - now_ms());
        if (left <= 0 || poll(&poller, 1, left) <= 0)
            fail_msg("tuttid did not say '%s' but: %s", wanted, daemon->text);
        ssize_t got = read(daemon->output, daemon->text + daemon->length,
                           sizeof daemon->text - 1 - daemon->length);
        if (got <= 0)
            fail_msg("tuttid ended and did not say '%s' but: %s", wanted, daemon->text);
        daemon->length += (size_t)got;
        daemon->text[daemon->length] = '\0';
    }
}

/* Waits for its end; its status as of waitpid(2). */
static int wait_for_end(struct daemon *daemon)
{
    double deadline = now_ms() + END_MS;
    int status;
    pid_t ended;
    while ((ended = waitpid(daemon->pid, &status, WNOHANG)) == 0 && now_ms() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    if (ended == 0) {
        kill(daemon->pid, SIGKILL);
        waitpid(daemon->pid, &status, 0);
        fail_msg("tuttid did not end within %d ms", END_MS);
    }
    close(daemon->input);
    close(daemon->output);
    return status;
}

static void expect_clean_end(struct daemon *daemon)
{
    int status = wait_for_end(daemon);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void feed_silence(const struct daemon *daemon)
{
    static const char silence[16384];
    assert_true(write(daemon->input, silence, sizeof silence) > 0);
}

static void ends_cleanly(int number)
{
    struct daemon daemon;
    start(&daemon);
    wait_for_text(&daemon, "page at http://127.0.0.1:");
    feed_silence(&daemon);
    kill(daemon.pid, number);
    wait_for_text(&daemon, "stopping: ");
    expect_clean_end(&daemon);
    assert_null(strstr(daemon.text, "Sanitizer"));
}

static void ends_on_sigint(void **state)
{
    (void)state;
    ends_cleanly(SIGINT);
}

static void ends_on_sigterm(void **state)
{
    (void)state;
    ends_cleanly(SIGTERM);
}

static void ends_on_sighup(void **state)
{
    (void)state;
    ends_cleanly(SIGHUP);
}

/* As under nohup(1), when the terminal is closed. */
static void goes_on_where_it_was_started_to_ignore(void **state)
{
    (void)state;
    struct daemon daemon;
    start_ignoring(&daemon, SIGHUP);
    wait_for_text(&daemon, "page at http://127.0.0.1:");
    kill(daemon.pid, SIGHUP);
    kill(daemon.pid, SIGTERM);
    wait_for_text(&daemon, "stopping: Terminated");
    expect_clean_end(&daemon);
    assert_null(strstr(daemon.text, "Hangup"));
}

/* As when a session ends. The first is taken, the other must not turn a clean end into a death. */
static void ends_cleanly_on_several_at_once(void **state)
{
    (void)state;
    struct daemon daemon;
    start(&daemon);
    wait_for_text(&daemon, "page at http://127.0.0.1:");
    kill(daemon.pid, SIGSTOP);
    kill(daemon.pid, SIGHUP);
    kill(daemon.pid, SIGTERM);
    kill(daemon.pid, SIGCONT);
    wait_for_text(&daemon, "stopping: Hangup");
    expect_clean_end(&daemon);
}

/* Whether a client waits on the stream or not. */
static void ends_with_a_client_on_the_stream(void **state)
{
    (void)state;
    struct daemon daemon;
    start(&daemon);
    wait_for_text(&daemon, "page at http://127.0.0.1:");
    unsigned port = 0;
    assert_int_equal(sscanf(strstr(daemon.text, "127.0.0.1:"), "127.0.0.1:%u", &port), 1);
    char command[256];
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    int length = snprintf(command, sizeof command,
                          "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", port);
    assert_int_equal(write(client, command, (size_t)length), length);
    char answer[512];
    assert_true(read(client, answer, sizeof answer) > 0);
    kill(daemon.pid, SIGTERM);
    expect_clean_end(&daemon);
    close(client);
}

/* systemd is told when it is ready and when it stops (sd_notify(3)). */
static void tells_systemd(void **state)
{
    (void)state;
    char path[] = "/tmp/tutti-notify-XXXXXX";
    assert_non_null(mkdtemp(path));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", path);
    int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    struct daemon daemon;
    start(&daemon);
    unsetenv("NOTIFY_SOCKET");
    wait_for_text(&daemon, "page at http://127.0.0.1:");
    kill(daemon.pid, SIGTERM);
    int status = wait_for_end(&daemon);
    assert_true(WIFEXITED(status));
    char message[256];
    ssize_t got = recv(listener, message, sizeof message - 1, MSG_DONTWAIT);
#ifdef TUTTI_SYSTEMD
    assert_true(got > 0);
    message[got] = '\0';
    assert_non_null(strstr(message, "READY=1"));
    got = recv(listener, message, sizeof message - 1, MSG_DONTWAIT);
    assert_true(got > 0);
    message[got] = '\0';
    assert_non_null(strstr(message, "STOPPING=1"));
#else
    assert_true(got < 0);
#endif
    close(listener);
    unlink(address.sun_path);
    rmdir(path);
}

int main(void)
{
    unsetenv("NOTIFY_SOCKET");
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_on_sigint),
        cmocka_unit_test(ends_on_sigterm),
        cmocka_unit_test(ends_on_sighup),
        cmocka_unit_test(goes_on_where_it_was_started_to_ignore),
        cmocka_unit_test(ends_cleanly_on_several_at_once),
        cmocka_unit_test(ends_with_a_client_on_the_stream),
        cmocka_unit_test(tells_systemd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
