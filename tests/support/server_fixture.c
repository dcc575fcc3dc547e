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

void server_fixture_start(struct server_fixture *fixture, unsigned max_clients,
                          unsigned max_clients_per_address)
{
    const struct server_config config = {.listen = "127.0.0.1:0",
                                         .max_clients = max_clients,
                                         .max_clients_per_address = max_clients_per_address};
    struct tutti_error error = {.text = ""};
    fixture->pipeline = fake_pipeline_new();
    fixture->server = server_new(&config, fixture->pipeline, &error);
    if (fixture->server == NULL) {
        fail_msg("%s", error.text);
    }
    pipeline_on_change(fixture->pipeline, wake, fixture->server);
    fixture->port = server_port(fixture->server);
}

void server_fixture_stop(struct server_fixture *fixture)
{
    server_free(fixture->server);
    fake_pipeline_free(fixture->pipeline);
}

int server_set_up(void **state)
{
    struct server_fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    server_fixture_start(fixture, 600, 0);
    *state = fixture;
    return 0;
}

int server_tear_down(void **state)
{
    server_fixture_stop(*state);
    free(*state);
    return 0;
}
