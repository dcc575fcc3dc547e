#include "daemon/origin_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_origins(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "",
        " ,\t",
        "http://stage.local",
        "https://show.example:8443",
        "HTTP://Stage:3000",
        "http://192.168.1.5:3000, https://show.example\n http://[::1]:8080",
        "https://x:80",
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        assert_int_equal(origin_list_check(lists[i], NULL), TUTTI_OK);
}

static void refuses_what_no_browser_sends(void **state)
{
    (void)state;
    static const struct {
        const char *list, *fault;
    } cases[] = {
        {"*", "'*': any page could read along; name those that may"},
        {"null", "'null': an origin begins with http:// or https://"},
        {"stage.local", "'stage.local': an origin begins with"},
        {"ftp://stage", "begins with http:// or https://"},
        {"http://", "there is no host in it"},
        {"http://:80", "there is no host in it"},
        {"http://[::1", "there is no host in it"},
        {"http://[stage]", "there is no host in it"},
        {"http://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", "no host in it"},
        {"http://a, http://stage/", "'http://stage/': an origin ends after the host"},
        {"http://stage/x", "without a path"},
        {"http://*.stage", "there is no host in it"},
        {"http://me@stage", "an origin ends after the host"},
        {"http://stage:", "that is no port"},
        {"http://stage:x", "that is no port"},
        {"http://stage:0", "that is no port"},
        {"http://stage:080", "that is no port"},
        {"http://stage:65536", "that is no port"},
        {"http://stage:99999999999999999999", "that is no port"},
        {"http://stage:3000/", "that is no port"},
        {"http://stage:80", "browsers leave out this port"},
        {"https://stage:443", "browsers leave out this port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tutti_error error;
        assert_int_equal(origin_list_check(cases[i].list, &error), TUTTI_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, cases[i].fault));
    }
    char longest[400] = "http://";
    memset(longest + 7, 'a', sizeof longest - 8);
    assert_int_equal(origin_list_check(longest, NULL), TUTTI_ERROR_ARGUMENT);
}

static void finds_whole_origins_alone(void **state)
{
    (void)state;
    static const char list[] = "http://stage.local:3000, https://show.example";
    assert_true(origin_list_has(list, "http://stage.local:3000"));
    assert_true(origin_list_has(list, "https://show.example"));
    assert_true(origin_list_has(list, "HTTPS://SHOW.example"));
    static const char *const others[] = {
        "",
        "null",
        "*",
        "http://stage.local",
        "http://stage.local:30000",
        "https://stage.local:3000",
        "http://show.example",
        "https://show.example.evil.example",
        "https://show.exampl",
        "https://evil.example",
        ",",
        "https://show.example/",
        "http://stage.local:3000, https://show.example",
        "http://stage.local:3000,",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(origin_list_has(list, others[i]));
        assert_false(origin_list_has("", others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_origins),
        cmocka_unit_test(refuses_what_no_browser_sends),
        cmocka_unit_test(finds_whole_origins_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
