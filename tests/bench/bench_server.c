/* bench_server.c - how the server does with many clients: from a result to the event
 * at the client, at what cost.
 *
 *   bench_server [CLIENTS [EVENTS_PER_S [SECONDS]]]     (default 500 10 10)
 *
 * The clients run in a process of their own, so that CPU time and memory printed
 * are the server's alone. Times of publishing lie in memory that both share, by the
 * event's id.
 */
#include "daemon/clock.h"
#include "daemon/server.h"

#include "tests/support/fake_pipeline.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 100000
#define BUFFER_SIZE 8192

struct shared {
    _Atomic unsigned port;     /* set once the server listens */
    _Atomic uint64_t first_id; /* set once all clients are connected */
    _Atomic bool connected;
    _Atomic uint64_t published_ns[MAX_EVENTS];
};

struct client {
    int fd;
    uint64_t received;
    uint64_t last_id;
    uint64_t disordered;
    size_t kept;
    char text[BUFFER_SIZE];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- the clients ---- */

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Notes the delay of each event whose id has arrived whole. */
static void take(struct client *client, const struct shared *shared, float *delay_ms,
                 size_t *delays, size_t capacity)
{
    uint64_t now_ns = clock_monotonic_ns();
    char *at = client->text;
    char *line;
    client->text[client->kept] = '\0';
    while ((line = strstr(at, "id: ")) != NULL && strchr(line, '\n') != NULL) {
        uint64_t id = strtoull(line + 4, NULL, 10);
        uint64_t index = id - shared->first_id;
        client->disordered += client->last_id != 0 && id != client->last_id + 1;
        client->last_id = id;
        if (index < MAX_EVENTS && *delays < capacity) {
            client->received++;
            delay_ms[(*delays)++] = (float)(now_ns - shared->published_ns[index]) / 1e6f;
        }
        at = strchr(line, '\n');
    }
    line = strstr(at, "id: ");
    line = line != NULL ? line : at + strlen(at) - (strlen(at) < 3 ? strlen(at) : 3);
    client->kept = strlen(line);
    memmove(client->text, line, client->kept);
}

static void run_clients(struct shared *shared, size_t clients, size_t events)
{
    static const char request[] = "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct client *client = calloc(clients, sizeof *client);
    size_t capacity = clients * events;
    float *delay_ms = malloc(capacity * sizeof *delay_ms);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (client == NULL || delay_ms == NULL || epoll < 0) {
        fail("clients");
    }
    while (shared->port == 0) {
        (void)usleep(1000);
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)shared->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < clients; i++) {
        client[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        if (client[i].fd < 0 ||
            connect(client[i].fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
            send(client[i].fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0 ||
            recv(client[i].fd, client[i].text, 12, MSG_WAITALL) != 12 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, client[i].fd, &event) != 0) {
            fail("client");
        }
    }
    shared->connected = true;
    size_t delays = 0;
    struct epoll_event ready[256];
    int count;
    while (delays < capacity && (count = epoll_wait(epoll, ready, 256, 3000)) > 0) {
        for (int i = 0; i < count; i++) {
            struct client *c = &client[ready[i].data.u64];
            ssize_t got = recv(c->fd, c->text + c->kept, BUFFER_SIZE - 1 - c->kept, 0);
            if (got <= 0) {
                fail("a stream has ended");
            }
            c->kept += (size_t)got;
            take(c, shared, delay_ms, &delays, capacity);
        }
    }
    uint64_t disordered = 0;
    for (size_t i = 0; i < clients; i++) {
        disordered += client[i].disordered;
    }
    qsort(delay_ms, delays, sizeof *delay_ms, compare);
    printf("received            %zu of %zu, out of order %llu\n", delays, capacity,
           (unsigned long long)disordered);
    if (delays > 0) {
        printf("result to client    median %.2f ms, 99%% %.2f ms, largest %.2f ms\n",
               (double)delay_ms[delays / 2], (double)delay_ms[delays - 1 - delays / 100],
               (double)delay_ms[delays - 1]);
    }
    exit(delays == capacity && disordered == 0 ? 0 : 1);
}

/* ---- the server ---- */

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static double resident_mb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void wake(void *server)
{
    server_wake(server);
}

static void publish(struct shared *shared, struct pipeline *pipeline, size_t events,
                    double events_per_s)
{
    uint64_t next_ns = clock_monotonic_ns();
    for (size_t i = 0; i < events; i++) {
        next_ns += (uint64_t)(1e9 / events_per_s);
        const struct timespec next = {.tv_sec = (time_t)(next_ns / CLOCK_NS_PER_S),
                                      .tv_nsec = (long)(next_ns % CLOCK_NS_PER_S)};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        shared->published_ns[i] = clock_monotonic_ns();
        fake_pipeline_add(pipeline, 0.1f, 0.2f, 0.3f);
    }
}

int main(int argc, char **argv)
{
    size_t clients = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
    double events_per_s = argc > 2 ? strtod(argv[2], NULL) : 10;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 10;
    size_t events = (size_t)(events_per_s * seconds);
    if (clients == 0 || clients > 10000 || events == 0 || events > MAX_EVENTS) {
        (void)fprintf(stderr, "usage: bench_server [CLIENTS [EVENTS_PER_S [SECONDS]]]\n");
        return 2;
    }
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        fail("mmap");
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    printf("clients             %zu, %g events/s for %g s\n", clients, events_per_s, seconds);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run_clients(shared, clients, events);
    }
    struct tutti_error error;
    struct pipeline *pipeline = fake_pipeline_new("main");
    const struct server_config config = {.listen = "127.0.0.1:0", .max_clients = (unsigned)clients};
    struct server *server = server_new(&config, &pipeline, 1, &error);
    if (server == NULL) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    pipeline_on_change(pipeline, wake, server);
    double before_mb = resident_mb();
    shared->first_id = timeline_last_id(pipeline_timeline(pipeline)) + 1;
    shared->port = server_port(server);
    while (!shared->connected) {
        (void)usleep(1000);
    }
    double connected_mb = resident_mb();
    double begin_s = cpu_s();
    publish(shared, pipeline, events, events_per_s);
    double used_s = cpu_s() - begin_s;
    double end_mb = resident_mb();
    int status = 0;
    (void)waitpid(child, &status, 0);
    printf("processor           %.1f%% of one core\n", 100 * used_s / seconds);
    printf("memory              %.1f MB without clients, %.1f MB with them, %.1f MB at the end\n",
           before_mb, connected_mb, end_mb);
    server_free(server);
    fake_pipeline_free(pipeline);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
