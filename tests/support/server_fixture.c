/* server_fixture.c - see server_fixture.h */
#include "tests/support/server_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void wake(void *server)
{
    server_wake(server);
}

static void start(struct server_fixture *fixture, unsigned max_clients,
                  unsigned max_clients_per_address, size_t count)
{
    struct pipeline *pipelines[2];
    const struct server_config config = {.listen = "127.0.0.1:0",
                                         .allowed_origins = SERVER_FIXTURE_ORIGIN,
                                         .max_clients = max_clients,
                                         .max_clients_per_address = max_clients_per_address};
    struct tutti_error error = {.text = ""};
    fixture->pipeline = pipelines[0] = fake_pipeline_new("main");
    fixture->other = pipelines[1] = count > 1 ? fake_pipeline_new("Hall-2") : NULL;
    fixture->server = server_new(&config, pipelines, count, &error);
    if (fixture->server == NULL) {
        fail_msg("%s", error.text);
    }
    for (size_t i = 0; i < count; i++) {
        pipeline_on_change(pipelines[i], wake, fixture->server);
    }
    fixture->port = server_port(fixture->server);
}

void server_fixture_start(struct server_fixture *fixture, unsigned max_clients,
                          unsigned max_clients_per_address)
{
    start(fixture, max_clients, max_clients_per_address, 1);
}

void server_fixture_start_two(struct server_fixture *fixture)
{
    start(fixture, 600, 0, 2);
}

void server_fixture_stop(struct server_fixture *fixture)
{
    server_free(fixture->server);
    fake_pipeline_free(fixture->pipeline);
    if (fixture->other != NULL) {
        fake_pipeline_free(fixture->other);
    }
}

int server_set_up(void **state)
{
    struct server_fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    server_fixture_start(fixture, 600, 0);
    *state = fixture;
    return 0;
}

int server_set_up_two(void **state)
{
    struct server_fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    server_fixture_start_two(fixture);
    *state = fixture;
    return 0;
}

int server_tear_down(void **state)
{
    server_fixture_stop(*state);
    free(*state);
    return 0;
}

void expect_status(struct http_reply *reply, int status)
{
    if (reply->status != status) {
        fail_msg("status %d instead of %d: %s", reply->status, status,
                 reply->body != NULL ? reply->body : "no answer");
    }
    http_reply_free(reply);
}
