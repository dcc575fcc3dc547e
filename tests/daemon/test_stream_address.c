/* test_stream_address.c - daemon/stream_address.h */
#include "daemon/stream_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void takes_what_people_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *source;
        const char *stream;
        const char *shown;
        bool local;
    } cases[] = {
        {"http://127.0.0.1:8808/", NULL, "http://127.0.0.1:8808/api/v1/stream",
         "http://127.0.0.1:8808/", true},
        {"127.0.0.1:8808", NULL, "http://127.0.0.1:8808/api/v1/stream", "http://127.0.0.1:8808/",
         true},
        {"localhost", NULL, "http://localhost:8808/api/v1/stream", "http://localhost:8808/", true},
        {"[::1]:80", NULL, "http://[::1]:80/api/v1/stream", "http://[::1]:80/", true},
        {"hall", "stage", "http://hall:8808/api/v1/sources/stage/stream", "http://hall:8808/",
         false},
        {"http://hall", NULL, "http://hall/api/v1/stream", "http://hall/", false},
        {"https://me:word@hall.example/tutti?source=foyer#top", NULL,
         "https://me:word@hall.example/tutti/api/v1/sources/foyer/stream",
         "https://hall.example/tutti/", false},
        {"http://hall:1/?theme=dark&source=foyer", "stage",
         "http://hall:1/api/v1/sources/stage/stream", "http://hall:1/", false},
        {"http://hall:1/?sources=foyer&source=", NULL, "http://hall:1/api/v1/stream",
         "http://hall:1/", false},
        {"127.evil.example", NULL, "http://127.evil.example:8808/api/v1/stream",
         "http://127.evil.example:8808/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_address address;
        struct tutti_error error = {.text = ""};
        const enum tutti_status status =
            stream_address_parse(cases[i].text, cases[i].source, &address, &error);
        if (status != TUTTI_OK)
            print_message("%s: %s\n", cases[i].text, error.text);
        assert_int_equal(status, TUTTI_OK);
        assert_string_equal(address.stream, cases[i].stream);
        assert_string_equal(address.shown, cases[i].shown);
        assert_int_equal(address.local, cases[i].local);
        char beside[STREAM_ADDRESS_SIZE];
        const int length = (int)(strlen(address.stream) - strlen("stream"));
        snprintf(beside, sizeof beside, "%.*sinfo", length, address.stream);
        assert_string_equal(address.info, beside);
        snprintf(beside, sizeof beside, "%.*scues", length, address.stream);
        assert_string_equal(address.cues, beside);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    char lengthy[4096];
    memset(lengthy, 'a', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = '\0';
    const struct {
        const char *text;
        const char *source;
        const char *said;
    } cases[] = {
        {"", NULL, "'' is not the address of a daemon"},
        {"ftp://hall/", NULL, "'ftp://hall/' is not the address of a daemon"},
        {"file:///etc/passwd", NULL, "is not the address of a daemon"},
        {"hall:99999", NULL, "is not the address of a daemon"},
        {"hall hall", NULL, "is not the address of a daemon"},
        {lengthy, NULL, "is not the address of a daemon"},
        {"hall", "", "'' is not the name of a source"},
        {"hall", "../../etc", "'../../etc' is not the name of a source"},
        {"hall", lengthy, "is not the name of a source"},
        {"http://hall/?source=a%20b", NULL, "'a%20b' is not the name of a source"},
        {"http://hall/?source=a\x1b", NULL, "is not the"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream_address address;
        struct tutti_error error;
        assert_int_equal(stream_address_parse(cases[i].text, cases[i].source, &address, &error),
                         TUTTI_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, cases[i].said));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_people_type),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
