/* server_fixture.h - a server before a pipeline that is played, for cmocka's set-up
 * and tear-down: *state is a struct server_fixture.
 */
#ifndef TUTTI_TESTS_SERVER_FIXTURE_H
#define TUTTI_TESTS_SERVER_FIXTURE_H

#include "daemon/server.h"
#include "tests/support/fake_pipeline.h"
#include "tests/support/http_client.h"

#define SERVER_FIXTURE_ORIGIN "http://stage.local:3000" /* whose pages may read the API */

struct server_fixture {
    struct pipeline *pipeline; /* named "main" */
    struct pipeline *other;    /* named "Hall-2"; NULL: there is but one */
    struct server *server;
    unsigned port;
};

/* Listens on a port of 127.0.0.1 that is free; what the pipelines play wakes the server. */
void server_fixture_start(struct server_fixture *fixture, unsigned max_clients,
                          unsigned max_clients_per_address);
void server_fixture_start_two(struct server_fixture *fixture);
void server_fixture_stop(struct server_fixture *fixture);

/* Fails the test if the reply has another status; frees it. */
void expect_status(struct http_reply *reply, int status);

/* With 600 clients. One at a time. */
int server_set_up(void **state);
int server_set_up_two(void **state);
int server_tear_down(void **state);

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

#define WITH_TWO_SOURCES(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, server_set_up_two, server_tear_down)

#endif
