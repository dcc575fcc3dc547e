#include "daemon/device_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct source_device device(const char *system_name, const char *backend)
{
    struct source_device made = {.channels = 2, .rate_hz = 48000};
    snprintf(made.system_name, sizeof made.system_name, "%s", system_name);
    snprintf(made.backend, sizeof made.backend, "%s", backend);
    return made;
}

static void leaves_out_the_number_of_the_card(void **state)
{
    (void)state;
    struct source_device devices[] = {
        device("USB Audio: Line (hw:1,0)", "ALSA"),
        device("Desk (plughw:3,1)", "ALSA"),
        device("pulse", "ALSA"),
        device("Odd (hw:1,0) one", "ALSA"),
        device("Stage (left)", "ALSA"),
        device("(hw:5,0)", "ALSA"),
        device("", "ALSA"),
    };
    const char *expected[] = {"USB Audio: Line", "Desk",     "pulse", "Odd (hw:1,0) one",
                              "Stage (left)",    "(hw:5,0)", ""};
    device_names_make_stable(devices, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(devices[i].name, expected[i]);
}

static void keeps_what_is_needed_to_tell_two_apart(void **state)
{
    (void)state;
    struct source_device devices[] = {
        device("Mic: Audio (hw:1,0)", "ALSA"), device("Mic: Audio (hw:2,0)", "ALSA"),
        device("system", "ALSA"), device("system", "JACK Audio Connection Kit")};
    device_names_make_stable(devices, 4);
    assert_string_equal(devices[0].name, "Mic: Audio (hw:1,0)");
    assert_string_equal(devices[1].name, "Mic: Audio (hw:2,0)");
    assert_string_equal(devices[2].name, "ALSA: system");
    assert_string_equal(devices[3].name, "JACK Audio Connection Kit: system");
}

static void survives_names_as_long_as_there_is_room(void **state)
{
    (void)state;
    struct source_device devices[2];
    char long_name[256];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    devices[0] = device(long_name, "ALSA");
    devices[1] = device(long_name, "JACK Audio Connection Kit");
    device_names_make_stable(devices, 2);
    assert_int_equal(strlen(devices[0].name), sizeof devices[0].name - 1);
    assert_memory_equal(devices[1].name, "JACK Audio Connection Kit: xxx", 30);
}

/* The devices that the tests below look among. */
static size_t usual_devices(struct source_device *devices)
{
    devices[0] = device("USB Audio: Line (hw:1,0)", "ALSA");
    devices[1] = device("USB Audio: Mic (hw:1,1)", "ALSA");
    devices[2] = device("Scarlett 2i2 USB: Audio (hw:2,0)", "ALSA");
    devices[3] = device("default", "ALSA");
    devices[3].is_default = true;
    device_names_make_stable(devices, 4);
    return 4;
}

static void finds_by_name_pattern_and_part(void **state)
{
    (void)state;
    struct source_device devices[4];
    const size_t count = usual_devices(devices);
    assert_int_equal(device_names_find(devices, count, "", NULL), 3);
    assert_int_equal(device_names_find(devices, count, "default", NULL), 3);
    assert_int_equal(device_names_find(devices, count, "USB Audio: Line", NULL), 0);
    assert_int_equal(device_names_find(devices, count, "USB Audio: Mic (hw:1,1)", NULL), 1);
    assert_int_equal(device_names_find(devices, count, "scarlett", NULL), 2);
    assert_int_equal(device_names_find(devices, count, "usb*MIC", NULL), 1);
    assert_int_equal(device_names_find(devices, count, "Scarlett ?i? *", NULL), 2);
}

static void an_exact_name_wins_over_parts(void **state)
{
    (void)state;
    struct source_device devices[] = {device("Mic 2", "ALSA"), device("Mic", "ALSA")};
    device_names_make_stable(devices, 2);
    assert_int_equal(device_names_find(devices, 2, "Mic", NULL), 1);
}

/* The name that survives a reboot comes before the one that the system happens to use now. */
static void a_stable_name_wins_over_a_system_name(void **state)
{
    (void)state;
    struct source_device devices[] = {device("Mic", "ALSA"), device("Mic", "JACK")};
    device_names_make_stable(devices, 2);
    snprintf(devices[0].system_name, sizeof devices[0].system_name, "JACK: Mic");
    assert_int_equal(device_names_find(devices, 2, "JACK: Mic", NULL), 1);
}

/* No name is so exact that the first of two may be taken for both. */
static void refuses_a_name_that_two_have(void **state)
{
    (void)state;
    struct source_device devices[] = {device("system", "ALSA"), device("system", "JACK"),
                                      device("Mic", "ALSA"), device("Mic", "ALSA")};
    struct tutti_error error;
    device_names_make_stable(devices, 4);
    assert_int_equal(device_names_find(devices, 4, "system", &error), -1);
    assert_int_equal(error.status, TUTTI_ERROR_NOT_FOUND);
    assert_string_equal(error.text,
                        "\"system\" fits several input devices: ALSA: system; JACK: system");
    assert_int_equal(device_names_find(devices, 4, "ALSA: Mic", &error), -1);
    assert_string_equal(error.text,
                        "\"ALSA: Mic\" fits several input devices: ALSA: Mic; ALSA: Mic");
    assert_int_equal(device_names_find(devices, 4, "JACK: system", &error), 1);
}

static void says_what_there_is(void **state)
{
    (void)state;
    struct source_device devices[4];
    struct tutti_error error;
    const size_t count = usual_devices(devices);
    assert_int_equal(device_names_find(devices, count, "Theremin", &error), -1);
    assert_int_equal(error.status, TUTTI_ERROR_NOT_FOUND);
    assert_string_equal(error.text,
                        "there is no input device \"Theremin\"; there are: USB Audio: Line; USB "
                        "Audio: Mic; Scarlett 2i2 USB: Audio; default");
    assert_int_equal(device_names_find(devices, count, "usb audio", &error), -1);
    assert_string_equal(error.text, "\"usb audio\" fits several input devices: USB Audio: Line; "
                                    "USB Audio: Mic");
    assert_int_equal(device_names_find(devices, 0, "usb", &error), -1);
    assert_string_equal(error.text, "there is no input device \"usb\": there is none at all");
    assert_int_equal(device_names_find(devices, 3, "", &error), -1);
    assert_non_null(strstr(error.text, "there is no input device \"default\"; there are: USB"));
}

static void cuts_a_long_list(void **state)
{
    (void)state;
    static struct source_device devices[100];
    struct tutti_error error;
    char name[64];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "a microphone with number %d", i);
        devices[i] = device(name, "ALSA");
    }
    device_names_make_stable(devices, 100);
    assert_int_equal(device_names_find(devices, 100, "Theremin", &error), -1);
    assert_non_null(strstr(error.text, "number 0; a microphone with number 1; "));
    assert_non_null(strstr(error.text, " ..."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_the_number_of_the_card),
        cmocka_unit_test(keeps_what_is_needed_to_tell_two_apart),
        cmocka_unit_test(survives_names_as_long_as_there_is_room),
        cmocka_unit_test(finds_by_name_pattern_and_part),
        cmocka_unit_test(an_exact_name_wins_over_parts),
        cmocka_unit_test(a_stable_name_wins_over_a_system_name),
        cmocka_unit_test(refuses_a_name_that_two_have),
        cmocka_unit_test(says_what_there_is),
        cmocka_unit_test(cuts_a_long_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
