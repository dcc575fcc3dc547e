#include "daemon/client_limit.h"

#include "daemon/listen_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool allows(struct client_limit limit, const char *from, unsigned taken, unsigned reserve)
{
    struct listen_address address;
    struct tutti_error error;
    assert_int_equal(listen_address_parse(from, &address, &error), TUTTI_OK);
    return client_limit_allows(&limit, (const struct sockaddr *)&address.socket_address, taken,
                               reserve);
}

/* As many as are allowed to a client, one by one. */
static void expect_places(struct client_limit limit, const char *from, unsigned places)
{
    assert_true(allows(limit, from, places - 1, 0));
    assert_false(allows(limit, from, places, 0));
    assert_true(allows(limit, from, places + 7, 8));
    assert_false(allows(limit, from, places + 8, 8));
    assert_true(allows(limit, from, 0, 8));
}

static void others_have_a_quarter_and_at_least_eight(void **state)
{
    (void)state;
    static const char *const others[] = {"192.0.2.7:1", "[2001:db8::7]:1", "10.0.0.1:80"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        expect_places(client_limit_of(100, 0), others[i], 25);
        expect_places(client_limit_of(36, 0), others[i], 9);
        expect_places(client_limit_of(35, 0), others[i], 8);
        expect_places(client_limit_of(1, 0), others[i], 8);
        expect_places(client_limit_of(10000, 0), others[i], 2500);
    }
}

static void this_machine_has_as_many_as_there_are(void **state)
{
    (void)state;
    assert_true(allows(client_limit_of(100, 0), "127.0.0.1:1", 1000, 0));
    assert_true(allows(client_limit_of(100, 0), "127.9.9.9:1", 1000, 0));
    assert_true(allows(client_limit_of(100, 0), "[::1]:1", UINT32_MAX, 0));
    assert_true(allows(client_limit_of(100, 0), "[::ffff:127.0.0.1]:1", 1000, 0));
}

static void what_is_set_holds_for_all(void **state)
{
    (void)state;
    expect_places(client_limit_of(100, 3), "192.0.2.7:1", 3);
    expect_places(client_limit_of(100, 3), "127.0.0.1:1", 3);
    expect_places(client_limit_of(100, 200), "[::1]:1", 200);
    assert_false(allows(client_limit_of(100, 3), "192.0.2.7:1", UINT32_MAX, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_have_a_quarter_and_at_least_eight),
        cmocka_unit_test(this_machine_has_as_many_as_there_are),
        cmocka_unit_test(what_is_set_holds_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
