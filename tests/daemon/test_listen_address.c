/* test_listen_address.c - daemon/listen_address.h */
#include "daemon/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_malformed_addresses_are_refused(void **state)
{
    (void)state;
    const char *const malformed[] = {
        "",
        ":",
        "8808",
        ":8808",
        "localhost",
        "host:8808",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        "127.1:80",
        "256.0.0.1:1",
        "::1:8808",
        "[::1]",
        "[::1]8808",
        "[::1:8808",
        "::1]:8808",
        "[127.0.0.1]:1",
        "127.0.0.1:8808 ",
        " 127.0.0.1:8808",
        "[]:1",
        "[fe80::1%lo]:1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:80",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct listen_address address;
        struct tutti_error error = {.status = TUTTI_OK};
        assert_int_equal(listen_address_parse(malformed[i], &address, &error),
                         TUTTI_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, malformed[i]));
        assert_non_null(strstr(error.text, "127.0.0.1:8808"));
    }
}

static const struct sockaddr *parse(const char *text, struct listen_address *address)
{
    assert_int_equal(listen_address_parse(text, address, NULL), TUTTI_OK);
    return (const struct sockaddr *)&address->socket_address;
}

static void test_proper_addresses(void **state)
{
    (void)state;
    struct listen_address address;
    assert_int_equal(parse("127.0.0.1:8808", &address)->sa_family, AF_INET);
    assert_int_equal(listen_address_port(&address), 8808);
    assert_int_equal(parse("[::1]:0", &address)->sa_family, AF_INET6);
    assert_int_equal(listen_address_port(&address), 0);
    assert_true(listen_address_is_loopback(parse("localhost:1", &address)));
    assert_true(listen_address_is_loopback(parse("127.255.0.1:1", &address)));
    assert_true(listen_address_is_loopback(parse("[::1]:1", &address)));
    assert_true(listen_address_is_loopback(parse("[::ffff:127.0.0.1]:1", &address)));
    assert_false(listen_address_is_loopback(parse("0.0.0.0:1", &address)));
    assert_false(listen_address_is_loopback(parse("[::]:1", &address)));
    assert_false(listen_address_is_loopback(parse("192.168.1.127:65535", &address)));
    assert_true(listen_address_is_wildcard(parse("0.0.0.0:1", &address)));
    assert_true(listen_address_is_wildcard(parse("[::]:1", &address)));
    assert_false(listen_address_is_wildcard(parse("[::1]:1", &address)));
    assert_false(listen_address_is_wildcard(parse("10.0.0.0:1", &address)));
}

static void test_same_host(void **state)
{
    (void)state;
    struct listen_address a, b;
    assert_true(listen_address_same_host(parse("10.0.0.1:1", &a), parse("10.0.0.1:2", &b)));
    assert_true(
        listen_address_same_host(parse("10.0.0.1:1", &a), parse("[::ffff:10.0.0.1]:1", &b)));
    assert_false(listen_address_same_host(parse("10.0.0.1:1", &a), parse("10.0.0.2:1", &b)));
    assert_false(listen_address_same_host(parse("[::1]:1", &a), parse("127.0.0.1:1", &b)));
}

static void test_opening(void **state)
{
    (void)state;
    struct listen_address address;
    struct tutti_error error;
    parse("127.0.0.1:0", &address);
    int fd = listen_address_open("127.0.0.1:0", &address, &error);
    assert_true(fd >= 0);
    assert_true(listen_address_port(&address) > 0);

    char text[32];
    struct listen_address second;
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", listen_address_port(&address));
    parse(text, &second);
    assert_int_equal(listen_address_open(text, &second, &error), -1);
    assert_int_equal(error.status, TUTTI_ERROR_IO);
    assert_non_null(strstr(error.text, text));
    assert_non_null(strstr(error.text, "in use"));
    (void)close(fd);
    fd = listen_address_open(text, &second, &error); /* free again, at once */
    assert_true(fd >= 0);
    (void)close(fd);

    parse("192.0.2.1:0", &address); /* RFC 5737: nobody's */
    assert_int_equal(listen_address_open("192.0.2.1:0", &address, &error), -1);
    assert_non_null(strstr(error.text, "no such address"));
}

static void test_same_client(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"10.0.0.1:1", "10.0.0.1:2", true},
        {"10.0.0.1:1", "[::ffff:10.0.0.1]:1", true},
        {"10.0.0.1:1", "10.0.0.2:1", false},
        {"[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.2]:1", false},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff:ffff:ffff:ffff]:1", true},
        {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
        {"[::1]:1", "[::1]:2", true},
        {"[::1]:1", "[::ffff:10.0.0.1]:1", false}, /* both of ::/64 */
        {"[::ffff:10.0.0.1]:1", "[::1]:1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct listen_address a;
        struct listen_address b;
        if (listen_address_same_client(parse(cases[i].a, &a), parse(cases[i].b, &b)) !=
            cases[i].same) {
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_addresses_are_refused),
        cmocka_unit_test(test_proper_addresses),
        cmocka_unit_test(test_same_host),
        cmocka_unit_test(test_same_client),
        cmocka_unit_test(test_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
