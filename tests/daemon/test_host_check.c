/* test_host_check.c - daemon/host_check.h */
#include "daemon/host_check.h"

#include "daemon/listen_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct host_check *check_of(const char *listen, const char *allowed, const char *own_name)
{
    struct listen_address address;
    struct tutti_error error;
    assert_int_equal(listen_address_parse(listen, &address, &error), TUTTI_OK);
    struct host_check *check =
        host_check_new((const struct sockaddr *)&address.socket_address, allowed, own_name, &error);
    assert_non_null(check);
    return check;
}

static void expect(const struct host_check *check, const char *host, bool allowed)
{
    if (host_check_allows(check, host) != allowed) {
        fail_msg("'%s' should be %s", host, allowed ? "allowed" : "refused");
    }
}

static void test_malformed_settings_are_refused(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    const char *const malformed[] = {"a/b",
                                     "hall,st\xC3\xA4"
                                     "dt",
                                     "a;b",
                                     "**",
                                     "hall:8808",
                                     "hall.example.:80",
                                     "[2001:db8::5]:80",
                                     "10.0.0.5:8808",
                                     "hall:",
                                     "[hall]",
                                     "[]",
                                     ".",
                                     long_name};
    struct listen_address address;
    (void)listen_address_parse("127.0.0.1:1", &address, NULL);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct tutti_error error = {.status = TUTTI_OK};
        assert_null(host_check_new((const struct sockaddr *)&address.socket_address, malformed[i],
                                   NULL, &error));
        assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
        error.status = TUTTI_OK;
        assert_int_equal(host_check_names(malformed[i], &error), TUTTI_ERROR_ARGUMENT);
        assert_int_equal(error.status, TUTTI_ERROR_ARGUMENT);
    }
    host_check_free(NULL);
}

static void test_malformed_hosts_are_refused(void **state)
{
    (void)state;
    struct host_check *check = check_of("0.0.0.0:8808", "hall", "hall");
    const char *const malformed[] = {
        "",
        ":",
        ":80",
        "localhost:",
        "localhost:x",
        "localhost:-1",
        "localhost:65536",
        "local host",
        "localhost/",
        "[::1",
        "[]",
        "[::1]x",
        "[::1]:",
        "::1",
        "user@localhost",
        "localhost:80:80",
        "hall\xC3\xA4",
        "[localhost]",
        "0x7f.1",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        expect(check, malformed[i], false);
    }
    host_check_free(check);
}

static void test_listening_on_loopback(void **state)
{
    (void)state;
    struct host_check *check = check_of("127.0.0.1:8808", NULL, "raspberry");
    expect(check, "localhost", true);
    expect(check, "LocalHost:8808", true);
    expect(check, "localhost.:9000", true);
    expect(check, "127.0.0.1:8808", true);
    expect(check, "127.1.2.3", true);
    expect(check, "[::1]:8808", true);
    expect(check, "evil.example", false);
    expect(check, "localhost.evil.example", false);
    expect(check, "127.0.0.1.evil.example", false);
    expect(check, "192.168.1.2:8808", false);
    expect(check, "raspberry", false);
    host_check_free(check);
}

static void test_listening_on_one_address(void **state)
{
    (void)state;
    struct host_check *check = check_of("192.168.1.2:8808", "", "raspberry");
    expect(check, "192.168.1.2:8808", true);
    expect(check, "192.168.1.3:8808", false);
    expect(check, "[::ffff:192.168.1.2]", true);
    expect(check, "raspberry", false);
    host_check_free(check);
    check = check_of("[2001:db8::1]:8808", NULL, NULL);
    expect(check, "[2001:DB8:0::1]:8808", true);
    expect(check, "[2001:db8::2]:8808", false);
    host_check_free(check);
}

static void test_listening_on_all_addresses(void **state)
{
    (void)state;
    struct host_check *check = check_of("0.0.0.0:8808", NULL, "raspberry.example.org");
    expect(check, "10.1.2.3:8808", true);
    expect(check, "[2001:db8::1]", true);
    expect(check, "raspberry.example.org", true);
    expect(check, "Raspberry.local:8808", true);
    expect(check, "raspberry", true);
    expect(check, "raspberry.evil.example", false);
    expect(check, "raspberryx", false);
    expect(check, "rasp", false);
    host_check_free(check);
    check = check_of("[::]:8808", NULL, "");
    expect(check, "10.1.2.3", true);
    expect(check, ".local", false);
    host_check_free(check);
}

static void test_names_of_the_settings(void **state)
{
    (void)state;
    struct host_check *check =
        check_of("127.0.0.1:8808", " hall.example, tutti.local\t[2001:db8::5],10.0.0.5 ,", NULL);
    expect(check, "HALL.example:443", true);
    expect(check, "hall.example.", true);
    expect(check, "tutti.local", true);
    expect(check, "[2001:db8::5]:8808", true);
    expect(check, "10.0.0.5", true);
    expect(check, "example", false);
    expect(check, "xhall.example", false);
    expect(check, "localhost", true);
    host_check_free(check);
    const char *const spelled =
        "hall.example. 2001:DB8:0:0:0:0:0:5 [2001:db8::0:6] :: 0::1:2:3:4:5:6";
    assert_int_equal(host_check_names(spelled, NULL), TUTTI_OK);
    check = check_of("127.0.0.1:8808", spelled, NULL);
    expect(check, "hall.example", true);
    expect(check, "hall.example.:80", true);
    expect(check, "[2001:db8::5]", true);
    expect(check, "[2001:0DB8::6]:80", true);
    expect(check, "[::]", true);
    expect(check, "[::1:2:3:4:5:6]", true);
    expect(check, "[2001:db8::7]", false);
    host_check_free(check);
    check = check_of("127.0.0.1:8808", "*", NULL);
    expect(check, "evil.example", true);
    host_check_free(check);
}

static void test_origins(void **state)
{
    (void)state;
    assert_true(host_check_same_origin("http://localhost:8808", "localhost:8808"));
    assert_true(host_check_same_origin("https://Hall.example", "hall.example"));
    assert_false(host_check_same_origin("http://localhost:3000", "localhost:8808"));
    assert_false(host_check_same_origin("http://localhost:8808/", "localhost:8808"));
    assert_false(host_check_same_origin("http://localhost:8808.evil.example", "localhost:8808"));
    assert_false(host_check_same_origin("null", "localhost:8808"));
    assert_false(host_check_same_origin("", ""));
    assert_false(host_check_same_origin("ftp://localhost", "localhost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_settings_are_refused),
        cmocka_unit_test(test_malformed_hosts_are_refused),
        cmocka_unit_test(test_listening_on_loopback),
        cmocka_unit_test(test_listening_on_one_address),
        cmocka_unit_test(test_listening_on_all_addresses),
        cmocka_unit_test(test_names_of_the_settings),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
